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

Result<std::unique_ptr<LoadedModel>> EngineSet::load(std::string_view onnx, const LoadOptions& options) {
  if (options.engine.empty()) return engines_[0]->load(onnx, options);
  const auto found =
      std::ranges::find(engines_, options.engine, [](const auto& engine) { return engine->name(); });
  if (found != engines_.end()) return (*found)->load(onnx, options);
  std::string known;
  for (const auto& engine : engines_) known += fmt::format("{}{}", known.empty() ? "" : ", ", engine->name());
  return not_found(fmt::format("there is no such engine: {}; known: {}", options.engine, known));
}

}  // namespace amas::engine
