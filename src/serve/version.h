#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "features/pipeline.h"
#include "model/package.h"

namespace amas::serve {

/// One variant of a package in memory: manifest, fitted preparation and graph. Immutable once loaded.
/// Threads: safe to use from several at once.
class ServableVersion {
 public:
  /// Reads and loads.
  ///
  /// Errors: those of Package::open, Package::read and Engine::load; kNotFound when the manifest lacks the variant.
  static Result<std::shared_ptr<ServableVersion>> load(const model::Package& package, std::string_view variant,
                                                       engine::Engine& engine, int threads = 1);

  const model::Manifest& manifest() const { return *manifest_; }
  /// The manifest for callers that outlive this object.
  std::shared_ptr<const model::Manifest> shared_manifest() const { return manifest_; }
  const features::Pipeline& pipeline() const { return pipeline_; }
  const model::Profile& profile() const { return profile_; }
  engine::LoadedModel& graph() const { return *graph_; }

  /// Answers raw rows: `columns` as the pipeline takes them → scores [rows, classes].
  Result<Tensor> score(std::span<const TensorView> columns) const;
  /// The label with the highest score, for each row.
  std::vector<std::string> best_labels(const Tensor& scores) const;

 private:
  ServableVersion(features::Pipeline pipeline) : pipeline_(std::move(pipeline)) {}
  std::shared_ptr<const model::Manifest> manifest_;
  features::Pipeline pipeline_;
  model::Profile profile_;
  std::unique_ptr<engine::LoadedModel> graph_;
};

}  // namespace amas::serve
