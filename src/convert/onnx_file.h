#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::convert {

/// What the reader of a format says that the model answers, to prove the graph that it made of it.
struct OwnAnswers {
  std::vector<Tensor> inputs{};  ///< in the order of the graph's inputs; none: nothing is said
  std::string output{};          ///< which of the graph's outputs is meant
  Tensor expected{};
};

/// A graph from elsewhere, ready to be put into a package: whole, within limits, of known operators.
struct Graph {
  std::string onnx{};                 ///< the file's bytes; weights that lay in other files are in it
  std::string origin{};               ///< what it was made from: "onnx", "xgboost", …
  std::string digest{};               ///< SHA-256 over what was read: names and contents
  std::string task{};                 ///< as in a manifest; empty: what the labels say
  Json facts = Json::object();        ///< what else the file says of the model
  OwnAnswers own{};                   ///< to be proved
  std::vector<std::string> labels{};  ///< of the classes, where the graph says them
  std::vector<std::string> notes{};   ///< what the user should know, a sentence each
};

/// Reads an ONNX file and the files of weights that it names, which must lie in its folder or below it and be
/// no links.
///
/// Maps of a classifier's scores (ZipMap) become the tensors that they were made of.
/// Errors: kInvalidArgument when it is not ONNX, or names weights that it may not name, with what to do;
///         kUnimplemented for an opset beyond limits::kOnnxOpsetMax or operators of a domain that no engine
///         has; kNotFound for files that are missing; kDataLoss for weights that are cut off;
///         kResourceExhausted when all of it together is larger than limits::kOnnxBytesMax.
/// Threads: any.
Result<Graph> read_onnx(const std::filesystem::path& file);

}  // namespace amas::convert
