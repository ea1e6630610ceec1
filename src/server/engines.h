#pragma once

#include <memory>

#include "base/result.h"
#include "engine/engine_set.h"

namespace amas::server {

/// Every engine that this program answers with: ONNX Runtime, which takes all graphs and is the reference,
/// and the compiled ones.
///
/// Errors: those of finding and opening ONNX Runtime's library.
Result<std::unique_ptr<engine::EngineSet>> open_engines();

}  // namespace amas::server
