#include "engine/engine_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace amas::engine {

std::string EngineSet::version() const {
  std::string all = engines_[0]->version();
  for (std::size_t i = 1; i < engines_.size(); ++i)
    all += fmt::format(", {} {}", engines_[i]->name(), engines_[i]->version());
  return all;
}

Engine* EngineSet::find(const std::string& name) const {
  if (name.empty()) return engines_[0].get();
  const auto found = std::ranges::find(engines_, name, [](const auto& engine) { return engine->name(); });
  return found == engines_.end() ? nullptr : found->get();
}

Result<std::unique_ptr<LoadedModel>> EngineSet::load(std::string_view onnx, const LoadOptions& options) {
  if (Engine* engine = find(options.engine)) return engine->load(onnx, options);
  std::string known;
  for (const auto& engine : engines_) known += fmt::format("{}{}", known.empty() ? "" : ", ", engine->name());
  return not_found(fmt::format("there is no such engine: {}; known: {}", options.engine, known));
}

std::string EngineSet::runs_as(const LoadOptions& options) const {
  const Engine* engine = find(options.engine);
  return engine == nullptr ? options.precision : engine->runs_as(options);
}

}  // namespace amas::engine
