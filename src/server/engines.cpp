#include "server/engines.h"

#include "base/install.h"
#include "engines/forest/forest_engine.h"
#include "engines/linear/linear_engine.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/sequence/sequence_engine.h"

namespace amas::server {

Result<std::unique_ptr<engine::EngineSet>> open_engines() {
  AMAS_TRY(const auto library, find_installed(kOnnxRuntimeLibrary));
  std::vector<std::unique_ptr<engine::Engine>> engines;
  AMAS_TRY(engines.emplace_back(), engines::open_onnxruntime(library));
  engines.push_back(engines::make_sequence_engine());
  engines.push_back(engines::make_linear_engine());
  engines.push_back(engines::open_forest_engine());
  return std::make_unique<engine::EngineSet>(std::move(engines));
}

}  // namespace amas::server
