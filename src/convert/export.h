#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/package.h"

namespace amas::convert {

/// What a package is written for.
struct ExportOptions {
  std::string to;                ///< one of export_targets()
  std::string variant = "fp32";  ///< whose graph is written
  std::int64_t version = 1;      ///< the folder's, where the peer has one
};

/// What a package can be written for: "onnx", "triton", "openvino", "tfserving".
const std::vector<std::string>& export_targets();

/// The files that a peer loads, by their path in the folder to be made:
/// onnx: model.onnx and a README.md with its signature; triton: a model repository, NAME/config.pbtxt and
/// NAME/VERSION/model.onnx (ONNX Runtime backend); openvino: the model repository of OpenVINO Model Server,
/// NAME/VERSION/model.onnx. All of them take and give what the graph does; labels stand in labels.txt.
///
/// Errors: kUnimplemented for tfserving, which loads SavedModels only, with what to do; kNotFound for an
///         unknown variant; kInvalidArgument for an unknown target; those of Package::read.
Result<std::map<std::string, std::string>> export_files(const model::Package& package,
                                                        const ExportOptions& options);

}  // namespace amas::convert
