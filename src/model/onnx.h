#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "onnx.pb.h"

namespace amas::model {

/// Weights of Embedding → LSTM → Dense, as they lie in ONNX. E embedding size, H units; gates in ONNX's order
/// i, o, f, c.
struct TextLstm {
  std::int64_t vocabulary = 0, embedding = 0, units = 0;
  /// Columns of the dense layer: 1 for a sigmoid (binary), else classes for a softmax.
  std::int64_t dense = 1;
  std::int64_t length = 0;  ///< tokens a row
  /// Steps whose token is 0 behind the text are skipped (`sequence_lens`); only for rows padded behind. A row
  /// of zeros leaves the LSTM's state at zero.
  bool mask = false;
  std::vector<float> table{};         ///< [vocabulary, E]
  std::vector<float> kernel{};        ///< [4H, E]
  std::vector<float> recurrent{};     ///< [4H, H]
  std::vector<float> bias{};          ///< [4H]
  std::vector<float> dense_kernel{};  ///< [H, dense]
  std::vector<float> dense_bias{};    ///< [dense]
};

/// Writes the graph: `tokens` INT32 [N,length] → `scores` FLOAT32 [N,classes], classes = max(2, dense). A
/// sigmoid is written as the softmax over [0, z], which is [1-p, p] and keeps small probabilities of either
/// class exact.
///
/// `net`: every vector has the size stated at it. Empty when the file would exceed limits::kOnnxBytesMax.
std::string export_text_lstm(const TextLstm& net);

/// Weights of a linear model over sparse features.
struct SparseLinear {
  std::int64_t features = 0;     ///< rows of `weights`, row 0 being the padding's zeros
  std::int64_t dense = 1;        ///< 1 for a sigmoid (binary), else classes for a softmax
  std::vector<float> weights{};  ///< [features, dense]
  std::vector<float> bias{};     ///< [dense]
};

/// Writes the graph: `indices` INT32 [N,K], `values` FLOAT32 [N,K] → `scores` FLOAT32 [N,classes], classes =
/// max(2, dense). Each row's logits are the sum of values[k] · weights[indices[k]] plus the bias.
///
/// `model`: every vector has the size stated at it. Empty when the file would exceed limits::kOnnxBytesMax.
std::string export_sparse_linear(const SparseLinear& model);

/// Reads an ONNX file under limits.
///
/// Errors: kInvalidArgument when it is not ONNX; kResourceExhausted beyond limits::kOnnxBytesMax.
Result<onnx::ModelProto> parse_onnx(std::string_view bytes);

/// The same graph always gives the same bytes.
std::string serialise_onnx(const onnx::ModelProto& model);

/// Finds the weights of a graph that export_text_lstm wrote (or one of that shape).
///
/// Errors: kUnimplemented when the graph is something else; kInvalidArgument when its weights are malformed.
Result<TextLstm> import_text_lstm(const onnx::ModelProto& model);

/// Finds the weights of a graph that export_sparse_linear wrote.
///
/// Errors: kUnimplemented when the graph is something else; kInvalidArgument when its weights are malformed.
Result<SparseLinear> import_sparse_linear(const onnx::ModelProto& model);

}  // namespace amas::model
