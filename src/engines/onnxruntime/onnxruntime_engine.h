#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"
#include "engine/engine.h"

namespace amas::engines {

/// Opens ONNX Runtime ("onnxruntime") from its shared library, which is loaded once and never unloaded.
/// Telemetry, logging to the console, spinning threads and memory arenas are off.
///
/// Models loaded from the engine may outlive it. Strings may hold any byte.
/// Errors: kNotFound when the library cannot be opened; kFailedPrecondition when it is older than the headers
/// that amas
///         was built with.
Result<std::unique_ptr<engine::Engine>> open_onnxruntime(const std::filesystem::path& library);

}  // namespace amas::engines
