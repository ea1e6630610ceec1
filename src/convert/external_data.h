#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "onnx.pb.h"

namespace amas::convert {

/// Puts weights that lie in other files into the model.
///
/// `folder`: of the model's file; nothing outside of it is opened, and no symbolic link is followed.
/// `bytes_max`: that the weights may take together.
/// Returns the SHA-256 of each file that was read, by the name that the model has for it.
/// Errors: as read_onnx().
Result<std::map<std::string, std::string>> take_external_data(onnx::ModelProto& model,
                                                              const std::filesystem::path& folder,
                                                              std::uint64_t bytes_max);

}  // namespace amas::convert
