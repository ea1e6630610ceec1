#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace amas {

/// Finds a file that belongs to amas: the worker ("amas-worker") or an engine's library
/// ("libonnxruntime.so.1.32.0"). Looks in $AMAS_LIBRARIES, beside this program, in ../lib/amas from there,
/// and where scripts/bootstrap put it when this program was built.
///
/// Errors: kNotFound listing the places.
Result<std::filesystem::path> find_installed(std::string_view file);

/// ONNX Runtime's library.
inline constexpr std::string_view kOnnxRuntimeLibrary = "libonnxruntime.so.1.32.0";
/// DuckDB's library.
inline constexpr std::string_view kDuckDbLibrary = "libduckdb.so";
/// Our library around libtorch.
inline constexpr std::string_view kTorchLibrary = "libamas_torch.so";
/// The training program.
inline constexpr std::string_view kWorkerProgram = "amas-worker";

}  // namespace amas
