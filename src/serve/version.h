#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "features/pipeline.h"
#include "model/package.h"

namespace amas::serve {

/// Rows [begin, end) of a batch.
struct RowRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

/// The graph's inputs for some rows, in its order.
using GraphInputs = std::vector<Tensor>;

/// One variant of a package in memory: manifest, fitted preparation and graph. Immutable once loaded.
/// Threads: safe to use from several at once.
class ServableVersion {
 public:
  /// Reads and loads.
  ///
  /// `threads`: that one run may use.
  /// Errors: those of Package::read, Pipeline::from_json, profile_from_json and Engine::load; kNotFound when
  /// the manifest
  ///         lacks the variant; kInvalidArgument when the graph does not take what the pipeline gives.
  static Result<std::shared_ptr<ServableVersion>> load(const model::Package& package,
                                                       std::string_view variant, engine::Engine& engine,
                                                       int threads = 1);

  /// model.json.
  const model::Manifest& manifest() const { return *manifest_; }
  /// The manifest for callers that outlive this object.
  std::shared_ptr<const model::Manifest> shared_manifest() const { return manifest_; }
  /// The fitted preparation; null when the model takes what its graph takes.
  const features::Pipeline* pipeline() const { return pipeline_ ? &*pipeline_ : nullptr; }
  /// Whether dimension 0 of all inputs and outputs is the row, so that rows of several requests can run
  /// together. Otherwise each request runs alone, as it is.
  bool has_rows() const { return has_rows_; }
  /// The reference statistics.
  const model::Profile& profile() const { return profile_; }
  /// What the signature "tensors" takes: the graph's inputs in its order, with the ranges of the manifest.
  const std::vector<engine::TensorSpec>& tensor_inputs() const { return tensor_inputs_; }
  /// The graph in its engine.
  engine::LoadedModel& graph() const { return *graph_; }

  /// Answers raw rows: `columns` as the pipeline takes them → scores [rows, classes]. Needs a pipeline.
  Result<Tensor> score(std::span<const TensorView> columns) const;

  /// Whether score_sparse() can answer: the pipeline gives sparse rows, and the engine takes them.
  bool is_sparse() const { return sparse_ != nullptr; }
  /// As score(), in one pass over each text: its features go to the engine row by row, without a tensor of
  /// them. `observed` (may be null) receives one entry a row. Only where is_sparse().
  Result<Tensor> score_sparse(std::span<const TensorView> columns,
                              std::vector<features::TextObservation>* observed) const;

  /// The first half of score(), where it is not in one: the graph's inputs for raw rows, in pieces of rows
  /// behind one another (as Pipeline::transform_in_pieces). Needs a pipeline. `observed` (may be null) receives
  /// one entry a row.
  Result<std::vector<GraphInputs>> prepare(std::span<const TensorView> columns,
                                           std::vector<features::TextObservation>* observed) const;
  /// The second half: runs rows of the graph's inputs, at most `rows_max` of one piece at once, and puts the
  /// outputs together.
  ///
  /// `rows`: counted through all pieces. Errors: those of LoadedModel::run.
  Result<std::vector<Tensor>> run(std::span<const GraphInputs> pieces, RowRange rows,
                                  std::int64_t rows_max) const;
  /// Runs the graph on these inputs as they are.
  ///
  /// Errors: those of LoadedModel::run.
  Result<std::vector<Tensor>> run_whole(const GraphInputs& inputs) const;
  /// The output that holds the scores: "scores", or the first where none has that name.
  ///
  /// Errors: kInternal when it is not FLOAT32 [rows, classes].
  Result<Tensor> scores_of(std::vector<Tensor> outputs) const;
  /// The label with the highest score, for each row.
  std::vector<std::string> best_labels(const Tensor& scores) const;

 private:
  ServableVersion() = default;
  Status check_graph() const;
  Result<std::vector<Tensor>> run_slice(const GraphInputs& piece, RowRange rows) const;

  std::shared_ptr<const model::Manifest> manifest_;
  std::optional<features::Pipeline> pipeline_;
  model::Profile profile_;
  std::unique_ptr<engine::LoadedModel> graph_;
  std::vector<engine::TensorSpec> tensor_inputs_;
  const engine::SparseScorer* sparse_ = nullptr;  ///< of graph_; null: rows go through tensors
  std::size_t scores_index_ = 0;
  bool has_rows_ = true;
};

}  // namespace amas::serve
