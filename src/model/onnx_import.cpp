#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::model {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;

Error other_graph(std::string_view why) {
  return unimplemented(fmt::format("graph is not of the shape that amas writes: {}", why));
}

/// Follows a graph's wires.
class GraphReader {
 public:
  explicit GraphReader(const onnx::GraphProto& graph) : graph_(graph) {}

  /// The node that gives this value, which must be of this kind.
  Result<const NodeProto*> producer(std::string_view value, std::string_view op) const {
    for (const NodeProto& node : graph_.node())
      if (std::ranges::find(node.output(), value) != node.output().end() && !value.empty() &&
          node.op_type() == op)
        return &node;
    return other_graph(fmt::format("no {} gives {}", op, value));
  }

  /// A constant of floats whose dims have these sizes; 0 stands for any size above 0.
  Result<std::vector<float>> floats(const NodeProto& node, int input,
                                    std::span<const std::int64_t> dims) const {
    const TensorProto* tensor = constant(node, input);
    if (tensor == nullptr)
      return other_graph(fmt::format("input {} of {} is no constant", input, node.op_type()));
    const auto fits = [](std::int64_t wanted, std::int64_t actual) {
      return wanted == 0 ? actual > 0 : wanted == actual;
    };
    if (!std::ranges::equal(dims, tensor->dims(), fits))
      return other_graph(fmt::format("{} has other dims than its neighbours need", tensor->name()));
    return read_constant<float>(*tensor);
  }

  /// The constant that is this input of the node; null when it is none.
  const TensorProto* constant(const NodeProto& node, int input) const {
    return input < node.input_size() ? find_constant(graph_, node.input(input)) : nullptr;
  }

 private:
  const onnx::GraphProto& graph_;
};

/// Whether the node has no attributes but these, so that it means what its operator means by default.
bool has_only(const NodeProto& node, std::initializer_list<std::string_view> attributes) {
  return std::ranges::all_of(node.attribute(), [&](const auto& attribute) {
    return std::ranges::find(attributes, attribute.name()) != attributes.end();
  });
}

Result<std::int64_t> token_length(const onnx::GraphProto& graph) {
  if (graph.input_size() != 1 || graph.output_size() != 1)
    return other_graph("it has not one input and one output");
  const auto& shape = graph.input(0).type().tensor_type().shape();
  if (shape.dim_size() != 2 || shape.dim(1).dim_value() <= 0)
    return other_graph("its input is not [N,length]");
  return shape.dim(1).dim_value();
}

/// Reads what lies between the tokens and the LSTM's input; returns the number of nodes there.
Result<int> read_embedding(const GraphReader& reader, const onnx::GraphProto& graph, const NodeProto& lstm,
                           TextLstm& net) {
  AMAS_TRY(const NodeProto* gather, reader.producer(lstm.input(0), "Gather"));
  const TensorProto* table = reader.constant(*gather, 0);
  if (table == nullptr || gather->input_size() != 2 || int_attribute(*gather, "axis", 0) != 0)
    return other_graph("the embedding is no constant");
  AMAS_TRY(net.table, reader.floats(*gather, 0, std::array<std::int64_t, 2>{0, 0}));
  net.vocabulary = table->dims(0);
  net.embedding = table->dims(1);
  AMAS_TRY(const NodeProto* turn, reader.producer(gather->input(1), "Transpose"));
  if (turn->input_size() != 1 || turn->input(0) != graph.input(0).name())
    return other_graph("tokens are changed first");
  const auto* order = find_attribute(*turn, "perm");
  if (order == nullptr || !std::ranges::equal(order->ints(), std::array<std::int64_t, 2>{1, 0}))
    return other_graph("tokens are not turned to [length,N]");
  net.mask = lstm.input_size() == 5 && !lstm.input(4).empty();
  if (!net.mask) return 2;
  AMAS_TRY(const NodeProto* sum, reader.producer(lstm.input(4), "ReduceSum"));
  AMAS_TRY(const NodeProto* present, reader.producer(sum->input_size() > 0 ? sum->input(0) : "", "Sign"));
  if (present->input_size() != 1 || present->input(0) != gather->input(1) ||
      int_attribute(*sum, "keepdims", 1) != 0)
    return other_graph("lengths are not counted from the tokens");
  return 4;
}

Status read_lstm(const GraphReader& reader, const NodeProto& lstm, TextLstm& net) {
  if (lstm.input_size() < 4 || lstm.input_size() > 5 || lstm.output_size() != 2 || !lstm.output(0).empty() ||
      !has_only(lstm, {"hidden_size"}))
    return other_graph("the LSTM has options");
  net.units = int_attribute(lstm, "hidden_size", 0);
  // From here on four times the units cannot overflow.
  if (net.units <= 0 || net.units > (1 << 20)) return other_graph("the LSTM has no sensible number of units");
  const std::int64_t gates = 4 * net.units;
  AMAS_TRY(net.kernel, reader.floats(lstm, 1, std::array<std::int64_t, 3>{1, gates, net.embedding}));
  AMAS_TRY(net.recurrent, reader.floats(lstm, 2, std::array<std::int64_t, 3>{1, gates, net.units}));
  AMAS_TRY(net.bias, reader.floats(lstm, 3, std::array<std::int64_t, 2>{1, 2 * gates}));
  // ONNX adds a kernel bias and a recurrent bias; only their sum matters.
  for (std::size_t i = 0; i < static_cast<std::size_t>(gates); ++i)
    net.bias[i] += net.bias[i + static_cast<std::size_t>(gates)];
  net.bias.resize(static_cast<std::size_t>(gates));
  return {};
}

struct Dense {
  std::vector<float> kernel;  ///< [rows, bias.size()]
  std::vector<float> bias;
};

/// Reads the dense layer before a softmax over classes. Two logits of which the first is always 0 are the
/// sigmoid they came from.
Result<Dense> read_dense(const GraphReader& reader, const NodeProto& gemm, std::int64_t rows) {
  if (gemm.input_size() != 3 || !has_only(gemm, {})) return other_graph("the dense layer has options");
  Dense dense;
  AMAS_TRY(dense.bias, reader.floats(gemm, 2, std::array<std::int64_t, 1>{0}));
  const std::size_t columns = dense.bias.size();
  AMAS_TRY(dense.kernel,
           reader.floats(gemm, 1, std::array<std::int64_t, 2>{rows, static_cast<std::int64_t>(columns)}));
  if (columns < 2) return other_graph("the dense layer has one column");
  bool first_is_zero = columns == 2 && dense.bias[0] == 0;
  for (std::size_t i = 0; i < dense.kernel.size(); i += 2) first_is_zero &= dense.kernel[i] == 0;
  if (!first_is_zero) return dense;
  dense.bias.erase(dense.bias.begin());
  for (std::size_t i = 0; i < dense.kernel.size() / 2; ++i) dense.kernel[i] = dense.kernel[2 * i + 1];
  dense.kernel.resize(dense.kernel.size() / 2);
  return dense;
}

/// The Gemm in front of the softmax that gives the graph's only output.
Result<const NodeProto*> find_dense(const GraphReader& reader, const onnx::GraphProto& graph) {
  AMAS_TRY(const NodeProto* softmax, reader.producer(graph.output(0).name(), "Softmax"));
  if (softmax->input_size() != 1 || std::abs(int_attribute(*softmax, "axis", -1)) != 1)
    return other_graph("the softmax is not over classes");
  return reader.producer(softmax->input(0), "Gemm");
}

std::string_view first_input(const NodeProto& node) {
  return node.input_size() > 0 ? std::string_view(node.input(0)) : std::string_view();
}

}  // namespace

Result<TextLstm> import_text_lstm(const onnx::ModelProto& model) {
  const auto& graph = model.graph();
  const GraphReader reader(graph);
  TextLstm net;
  AMAS_TRY(net.length, token_length(graph));
  AMAS_TRY(const NodeProto* gemm, find_dense(reader, graph));
  AMAS_TRY(const NodeProto* squeeze, reader.producer(first_input(*gemm), "Squeeze"));
  AMAS_TRY(const NodeProto* lstm, reader.producer(first_input(*squeeze), "LSTM"));
  if (lstm->input_size() == 0 || lstm->output_size() != 2 || lstm->output(1) != squeeze->input(0))
    return other_graph("the dense layer does not read the LSTM's last state");
  AMAS_TRY(const int before, read_embedding(reader, graph, *lstm, net));
  AMAS_CHECK(read_lstm(reader, *lstm, net));
  AMAS_TRY(Dense dense, read_dense(reader, *gemm, net.units));
  net.dense = static_cast<std::int64_t>(dense.bias.size());
  net.dense_kernel = std::move(dense.kernel);
  net.dense_bias = std::move(dense.bias);
  if (graph.node_size() != before + 4) return other_graph("it has further nodes");
  return net;
}

Result<SparseLinear> import_sparse_linear(const onnx::ModelProto& model) {
  const auto& graph = model.graph();
  const GraphReader reader(graph);
  if (graph.input_size() != 2 || graph.output_size() != 1 || graph.node_size() != 6)
    return other_graph("it is not a linear model over indices and values");
  AMAS_TRY(const NodeProto* gemm, find_dense(reader, graph));
  AMAS_TRY(const NodeProto* sum, reader.producer(first_input(*gemm), "ReduceSum"));
  AMAS_TRY(const NodeProto* product, reader.producer(first_input(*sum), "Mul"));
  AMAS_TRY(const NodeProto* gather, reader.producer(first_input(*product), "Gather"));
  AMAS_TRY(const NodeProto* columns,
           reader.producer(product->input_size() == 2 ? product->input(1) : "", "Unsqueeze"));
  const TensorProto* table = reader.constant(*gather, 0);
  if (table == nullptr || gather->input_size() != 2 || gather->input(1) != graph.input(0).name() ||
      first_input(*columns) != graph.input(1).name() || !has_only(*gather, {}))
    return other_graph("its sums are not over gathered weights");
  SparseLinear linear;
  AMAS_TRY(linear.weights, reader.floats(*gather, 0, std::array<std::int64_t, 2>{0, 0}));
  linear.features = table->dims(0);
  linear.dense = table->dims(1);
  AMAS_TRY(Dense dense, read_dense(reader, *gemm, linear.dense));
  // The dense layer may only spread the sums.
  for (std::size_t i = 0; i < dense.kernel.size(); ++i)
    if (dense.kernel[i] != (i % (static_cast<std::size_t>(linear.dense) + 1) == 0 ? 1.0F : 0.0F))
      return other_graph("its sums are mixed");
  if (static_cast<std::int64_t>(dense.bias.size()) != linear.dense) return other_graph("its sums are mixed");
  linear.bias = std::move(dense.bias);
  return linear;
}

}  // namespace amas::model
