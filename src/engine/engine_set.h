#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace amas::engine {

/// Several engines as one: LoadOptions::engine says which of them loads a model. The first takes every graph
/// and is the reference for the others, which take what they were made for. Threads: as Engine.
class EngineSet final : public Engine {
 public:
  /// Takes at least one engine; names differ.
  explicit EngineSet(std::vector<std::unique_ptr<Engine>> engines) : engines_(std::move(engines)) {}

  /// That of the first.
  std::string_view name() const override { return engines_[0]->name(); }
  /// Those of all: "1.32.0, sequence 0.1.0".
  std::string version() const override;
  /// Loads with the engine that the options name.
  ///
  /// Errors: kNotFound when there is none of that name (lists the known ones); those of that engine.
  Result<std::unique_ptr<LoadedModel>> load(std::string_view onnx, const LoadOptions& options) override;
  /// That of the engine that the options name; what they ask for where there is none of that name.
  std::string runs_as(const LoadOptions& options) const override;
  /// All engines, the reference first.
  std::span<const std::unique_ptr<Engine>> engines() const { return engines_; }

 private:
  Engine* find(const std::string& name) const;

  const std::vector<std::unique_ptr<Engine>> engines_;
};

}  // namespace amas::engine
