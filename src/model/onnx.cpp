#include "model/onnx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "model/onnx_graph.h"

namespace amas::model {
namespace {

using onnx::TensorProto;

/// A dense layer with the softmax in mind: one column z becomes the two logits [0, z].
struct Logits {
  std::int64_t classes = 0;
  std::vector<float> kernel;  ///< [rows, classes]
  std::vector<float> bias;    ///< [classes]
};

Logits as_logits(std::span<const float> kernel, std::span<const float> bias) {
  if (bias.size() > 1) {
    return {
        static_cast<std::int64_t>(bias.size()), {kernel.begin(), kernel.end()}, {bias.begin(), bias.end()}};
  }
  Logits logits{2, std::vector<float>(kernel.size() * 2), {0.0F, bias[0]}};
  for (std::size_t i = 0; i < kernel.size(); ++i) logits.kernel[2 * i + 1] = kernel[i];
  return logits;
}

template <class T>
void constant(onnx::GraphProto& graph, std::string_view name, std::initializer_list<std::int64_t> dims,
              const std::vector<T>& values) {
  add_constant<T>(graph, name, dims, std::span<const T>(values));
}

void add_dense_and_softmax(onnx::GraphProto& graph, std::string_view input, std::int64_t rows,
                           const Logits& logits) {
  constant(graph, "dense_kernel", {rows, logits.classes}, logits.kernel);
  constant(graph, "dense_bias", {logits.classes}, logits.bias);
  add_node(graph, "Gemm", {input, "dense_kernel", "dense_bias"}, "logits");
  set_int(add_node(graph, "Softmax", {"logits"}, "scores"), "axis", 1);
  *graph.add_output() = make_value_info("scores", TensorProto::FLOAT, {-1, logits.classes});
}

}  // namespace

std::string export_text_lstm(const TextLstm& net) {
  onnx::ModelProto model = empty_model("text_lstm");
  auto& graph = *model.mutable_graph();
  const std::int64_t gates = 4 * net.units;
  *graph.add_input() = make_value_info("tokens", TensorProto::INT32, {-1, net.length});
  constant(graph, "embedding", {net.vocabulary, net.embedding}, net.table);
  constant(graph, "lstm_kernel", {1, gates, net.embedding}, net.kernel);
  constant(graph, "lstm_recurrent", {1, gates, net.units}, net.recurrent);
  std::vector<float> bias = net.bias;
  bias.resize(
      static_cast<std::size_t>(2 * gates));  // the second half is the recurrent bias, which Keras lacks
  constant(graph, "lstm_bias", {1, 2 * gates}, bias);

  // The LSTM reads [T,N,E]. Turning the tokens rather than the embedded rows moves E times fewer bytes.
  set_ints(add_node(graph, "Transpose", {"tokens"}, "steps"), "perm", {1, 0});
  add_node(graph, "Gather", {"embedding", "steps"}, "embedded");
  constant(graph, "axis_0", {1}, std::vector<std::int64_t>{0});
  if (net.mask) {
    add_node(graph, "Sign", {"steps"}, "present");
    set_int(add_node(graph, "ReduceSum", {"present", "axis_0"}, "lengths"), "keepdims", 0);
  }
  auto& lstm = *graph.add_node();
  lstm.set_op_type("LSTM");
  lstm.set_name("lstm");
  for (const char* input : {"embedded", "lstm_kernel", "lstm_recurrent", "lstm_bias"}) lstm.add_input(input);
  if (net.mask) lstm.add_input("lengths");
  lstm.add_output("");
  lstm.add_output("last");
  set_int(lstm, "hidden_size", net.units);
  add_node(graph, "Squeeze", {"last", "axis_0"}, "hidden");
  add_dense_and_softmax(graph, "hidden", net.units, as_logits(net.dense_kernel, net.dense_bias));
  return serialise_onnx(model);
}

std::string export_sparse_linear(const SparseLinear& linear) {
  onnx::ModelProto model = empty_model("sparse_linear");
  auto& graph = *model.mutable_graph();
  *graph.add_input() = make_value_info("indices", TensorProto::INT32, {-1, -1});
  *graph.add_input() = make_value_info("values", TensorProto::FLOAT, {-1, -1});
  constant(graph, "weights", {linear.features, linear.dense}, linear.weights);
  constant(graph, "axis_1", {1}, std::vector<std::int64_t>{1});
  constant(graph, "axis_2", {1}, std::vector<std::int64_t>{2});
  add_node(graph, "Gather", {"weights", "indices"}, "gathered");
  add_node(graph, "Unsqueeze", {"values", "axis_2"}, "columns");
  add_node(graph, "Mul", {"gathered", "columns"}, "products");
  set_int(add_node(graph, "ReduceSum", {"products", "axis_1"}, "sums"), "keepdims", 0);
  // The last dense layer only spreads the sums: [0, z] for two classes, the identity for more.
  std::vector<float> spread(static_cast<std::size_t>(linear.dense * linear.dense));
  for (std::int64_t i = 0; i < linear.dense; ++i)
    spread[static_cast<std::size_t>(i * (linear.dense + 1))] = 1;
  add_dense_and_softmax(graph, "sums", linear.dense, as_logits(spread, linear.bias));
  return serialise_onnx(model);
}

std::string serialise_onnx(const onnx::ModelProto& model) {
  if (model.ByteSizeLong() > limits::kOnnxBytesMax) return {};
  return model.SerializeAsString();
}

Result<onnx::ModelProto> parse_onnx(std::string_view bytes) {
  if (bytes.size() > limits::kOnnxBytesMax)
    return resource_exhausted(
        fmt::format("ONNX file is larger than allowed: {} > {} bytes", bytes.size(), limits::kOnnxBytesMax));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return invalid_argument(fmt::format(
        "not an ONNX file: {} bytes that are no protobuf; check what was uploaded", bytes.size()));
  if (!model.has_ir_version() || !model.has_graph() || model.opset_import_size() == 0)
    return invalid_argument(
        "not an ONNX file: it lacks ir_version, opset_import or graph; check what was uploaded");
  return model;
}

}  // namespace amas::model
