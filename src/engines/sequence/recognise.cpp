#include "engines/sequence/recognise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "engines/sequence/axes_node.h"
#include "engines/sequence/computed_node.h"
#include "engines/sequence/convolution_node.h"
#include "engines/sequence/dense_node.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/lookup_node.h"
#include "engines/sequence/mask_node.h"
#include "engines/sequence/node_view.h"
#include "engines/sequence/pick_node.h"
#include "engines/sequence/recurrent_node.h"
#include "engines/sequence/token_node.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;

constexpr std::int64_t kLengthMax = 65'536;

/// Reads one graph, node after view.node.
class Reader {
 public:
  explicit Reader(const onnx::GraphProto& graph) : graph_(graph) {}
  Result<Net> read();

 private:
  Status read_input();
  Status read_node(const NodeView& view);
  const TensorProto* constant_of(const NodeView& view) const;
  Result<Value> value_of(const NodeView& view);
  Result<Value> add(const NodeView& view);
  Result<Value> concatenate(const NodeView& view) const;
  Result<Value> convolve(const NodeView& view, const Value& value);
  Status take_branches(const NodeView& view, const Value& value);
  Status check_head(const NodeView& view, const Value& value) const;
  Value vector();
  Result<Value> dense(const NodeView& view, const Value& value);
  Result<Value> add_bias(const NodeView& view);
  Result<Value> activate(const NodeView& view, Value value);
  Status recur(const NodeView& view);
  Status take_last(const NodeView& view, const Value& value);

  Result<Value> given(const NodeView& view, int input) const {
    if (!view.has(input)) return view.other("an input is missing");
    const auto at = values_.find(view.node.input(input));
    if (at == values_.end()) return view.other(fmt::format("its input {} is not known", input));
    return at->second;
  }
  const onnx::GraphProto& graph_;
  Known known_;
  std::map<std::string, Value, std::less<>> values_;
  std::vector<Branch> convolutions_;
  std::size_t stage_ = 0;  ///< how many operators of the head were met
  Net net_;
};

Status Reader::read_input() {
  const onnx::ValueInfoProto* input = nullptr;
  for (const auto& one : graph_.input()) {
    if (model::find_constant(graph_, one.name()) != nullptr) continue;  // IR 3 lists constants, too
    if (input != nullptr) return unimplemented("no text net that is known: more than one input");
    input = &one;
  }
  if (input == nullptr || graph_.output_size() != 1)
    return unimplemented("no text net that is known: not one input and one output");
  const auto& type = input->type().tensor_type();
  if (type.elem_type() != TensorProto::INT32 && type.elem_type() != TensorProto::INT64)
    return unimplemented("no text net that is known: its input is not of integers");
  // A length that is left open is 0 from here on.
  const bool matrix = type.shape().dim_size() == 2;
  const bool fixed = matrix && type.shape().dim(1).has_dim_value();
  const std::int64_t length = fixed ? type.shape().dim(1).dim_value() : 1;
  if (!matrix || length < 1 || length > kLengthMax)
    return unimplemented("no text net that is known: its input is not [N,length]");
  if (type.shape().dim(0).dim_value() > 0)
    return unimplemented("no text net that is known: its batch is fixed");
  net_.input = input->name();
  net_.output = graph_.output(0).name();
  net_.token_type = type.elem_type() == TensorProto::INT32 ? DType::kInt32 : DType::kInt64;
  net_.length = fixed ? static_cast<int>(length) : 0;
  values_[net_.input] = {
      .kind = Kind::kTokens, .axes = "NT", .open = net_.length == 0, .length = net_.length};
  return {};
}

Result<Net> Reader::read() {
  AMAS_CHECK(read_input());
  for (const TensorProto& tensor : graph_.initializer()) known_.constants.emplace(tensor.name(), &tensor);
  for (const NodeProto& node : graph_.node()) AMAS_CHECK(read_node({known_, node}));
  const auto result = values_.find(net_.output);
  if (result == values_.end() || result->second.kind != Kind::kVector || result->second.stage != stage_ ||
      result->second.axes[0] != 'N' || result->second.axes.size() > 2)
    return unimplemented("no text net that is known: its output is not that of the last dense layer");
  net_.flat = result->second.axes == "N";
  return std::move(net_);
}

Status Reader::read_node(const NodeView& view) {
  if (!view.node.domain().empty() && view.node.domain() != "ai.onnx") return view.other("its domain");
  const std::string& op = view.node.op_type();
  if (op == "LSTM" || op == "GRU") return recur(view);
  if (view.node.output_size() != 1) return view.other("it has several outputs");
  const std::string& output = view.node.output(0);
  if (const TensorProto* tensor = constant_of(view)) {
    known_.constants.emplace(output, tensor);
    return {};
  }
  if (auto computed = compute(view)) {
    known_.computed[output] = std::move(*computed);
    return {};
  }
  if (op == "Shape") {
    AMAS_TRY(const Value value, given(view, 0));
    AMAS_TRY(known_.computed[output], shape_of(view, value));
    return {};
  }
  AMAS_TRY(values_[output], value_of(view));
  return {};
}

/// What a Constant node holds, or Identity of a constant; null for other nodes.
const TensorProto* Reader::constant_of(const NodeView& view) const {
  const auto* value = model::find_attribute(view.node, "value");
  if (view.node.op_type() == "Constant") return value == nullptr ? nullptr : &value->t();
  return view.node.op_type() == "Identity" ? view.constant(0) : nullptr;
}

Result<Value> Reader::value_of(const NodeView& view) {
  const std::string& op = view.node.op_type();
  if (op == "Concat") return concatenate(view);
  if (op == "Add") return add(view);
  if (op == "Where") {
    AMAS_TRY(const Value condition, given(view, 0));
    AMAS_TRY(const Value yes, given(view, 1));
    AMAS_TRY(const Value no, given(view, 2));
    return choose_tokens(view, condition, yes, no);
  }
  if (op == "Gather" && view.constant(0) != nullptr) {
    AMAS_TRY(const Value index, given(view, 1));
    return index.kind == Kind::kTokens && view.constant(0)->dims_size() == 1 ? find_rows(view, index, net_)
                                                                             : embed(view, index, net_);
  }
  AMAS_TRY(Value value, given(view, 0));
  if (op == "Identity" || (op == "Dropout" && !view.has(2))) return value;
  if (op == "Cast") return cast_value(view, std::move(value));
  static constexpr std::string_view kCounting[] = {"Sign",      "Equal", "Greater", "Not",
                                                   "ReduceSum", "Max",   "Clip"};
  if (op == "Not" && value.kind == Kind::kBelow) return wrap_tokens(view, value, nullptr);
  if (std::ranges::find(kCounting, op) != std::end(kCounting)) return read_count(view, std::move(value));
  if (op == "Less") return wrap_tokens(view, value, nullptr);
  if (op == "Mul" || op == "Div") {
    AMAS_TRY(const Value other, given(view, 1));
    if (is_wrapping(value) || is_wrapping(other)) return wrap_tokens(view, value, &other);
    return read_masked(view, value, other);
  }
  if (op == "Transpose" || op == "Squeeze" || op == "Unsqueeze" || op == "Reshape" || op == "Flatten")
    return move_axes(view, std::move(value));
  if (op == "Gather" || op == "Slice") return pick(view, std::move(value), net_.mask);
  if (op == "Conv") return convolve(view, value);
  if (op == "GlobalMaxPool" || op == "GlobalAveragePool" || op == "ReduceMax" || op == "ReduceMean" ||
      op == "MaxPool" || op == "AveragePool")
    return read_pooling(view, std::move(value));
  if (op == "Gemm" || op == "MatMul") return dense(view, value);
  if (op == "Relu" || op == "Tanh" || op == "Sigmoid" || op == "Softmax")
    return activate(view, std::move(value));
  return view.other("the operator is not known here");
}

/// A bias, or a step of looking up tokens below 0.
Result<Value> Reader::add(const NodeView& view) {
  const int constant = view.constant(0) != nullptr ? 0 : 1;
  AMAS_TRY(const Value value, given(view, 1 - constant));
  if (value.kind == Kind::kTokens) return wrap_tokens(view, value, nullptr);
  if (!is_wrapping(value)) return add_bias(view);
  AMAS_TRY(const Value other, given(view, constant));
  return wrap_tokens(view, value, &other);
}

Result<Value> Reader::concatenate(const NodeView& view) const {
  std::vector<Value> inputs;
  for (int i = 0; i < std::max(1, view.node.input_size()); ++i) {
    AMAS_TRY(inputs.emplace_back(), given(view, i));
  }
  return join_values(view, inputs);
}

/// A convolution over the embedding, or over the one that gave `value`.
Result<Value> Reader::convolve(const NodeView& view, const Value& value) {
  AMAS_TRY(auto made, read_convolution(view, value, static_cast<int>(convolutions_.size())));
  Branch branch;
  if (value.kind == Kind::kConvolved) {
    branch = convolutions_[static_cast<std::size_t>(value.branches[0].convolution)];
    branch.last().activation = value.branches[0].activation;
    branch.above.push_back(std::move(made.convolution));
  } else {
    branch.first = std::move(made.convolution);
  }
  convolutions_.push_back(std::move(branch));
  return std::move(made.value);
}

Status Reader::recur(const NodeView& view) {
  AMAS_TRY(const Value input, given(view, 0));
  const bool first = input.kind == Kind::kEmbedded && net_.layers.empty();
  const bool next = input.kind == Kind::kStates && !net_.layers.empty() &&
                    input.parts == parts_of(net_.layers.back(), net_.layers.size() - 1);
  if (input.axes != "TNC" || (!first && !next) || !net_.head.empty()) return view.other("its input");
  const bool masked = view.has(4);
  if (masked) {
    AMAS_TRY(const Value lengths, given(view, 4));
    if (lengths.kind != Kind::kLengths || lengths.axes != "N" || lengths.least != 0)
      return view.other("its lengths are not counted from the tokens");
  }
  if (next && masked != net_.mask) return view.other("only some layers know the lengths");
  net_.mask = masked;
  const int width = first ? net_.embedding : net_.layers.back().units * static_cast<int>(input.parts.size());
  AMAS_TRY(auto layer, read_recurrent_layer(view, width));
  const auto parts = parts_of(layer, net_.layers.size());
  const int units = layer.units;
  net_.layers.push_back(std::move(layer));
  const auto name = [&](int output) {
    return output < view.node.output_size() ? view.node.output(output) : std::string();
  };
  if (!name(0).empty())
    values_[name(0)] = {.kind = Kind::kStates,
                        .axes = "TDNC",
                        .parts = parts,
                        .width = units,
                        .open = net_.length == 0,
                        .length = net_.length};
  if (!name(1).empty())
    values_[name(1)] = {.kind = Kind::kLast, .axes = "DNC", .parts = parts, .width = units};
  return {};
}

/// That `value` is the last state of the top layer, direction by direction, or that at the row's end of all.
Status Reader::take_last(const NodeView& view, const Value& value) {
  if (value.kind != Kind::kLast || value.axes != "NC" || net_.layers.empty())
    return view.other("its input is not the last state");
  auto parts = parts_of(net_.layers.back(), net_.layers.size() - 1);
  if (parts.size() != value.parts.size()) return view.other("its input is not the last state");
  for (std::size_t i = 0; i < parts.size(); ++i)
    net_.layers.back().directions[i].one_step = parts[i].one_step = value.parts[i].one_step;
  if (parts != value.parts) return view.other("its input is not the last state");
  return {};
}

/// Puts the branches whose pooled values are the head's input into the net.
Status Reader::take_branches(const NodeView& view, const Value& value) {
  if (value.axes != "NC" || !net_.head.empty() || !net_.layers.empty()) return view.other("its input");
  for (const BranchPart& part : value.branches) {
    Branch branch;
    if (part.convolution >= 0) {
      branch = convolutions_[static_cast<std::size_t>(part.convolution)];
    } else {
      branch.first.filters = net_.embedding;
      branch.first.bias.assign(static_cast<std::size_t>(net_.embedding), 0);
    }
    branch.last().activation = part.activation;
    branch.pooling = part.pooling;
    branch.least = part.least;
    net_.mask |= part.pooling == Pooling::kMaskedMean;
    net_.branches.push_back(std::move(branch));
  }
  return {};
}

/// That `value` is what the head gives so far.
Status Reader::check_head(const NodeView& view, const Value& value) const {
  if (value.kind != Kind::kVector || value.stage != stage_ || value.axes != "NC")
    return view.other("its input");
  return {};
}

/// What the head gives after one more operator.
Value Reader::vector() {
  return {.kind = Kind::kVector, .axes = "NC", .stage = ++stage_, .width = net_.head.back().columns};
}

Result<Value> Reader::dense(const NodeView& view, const Value& value) {
  if (value.kind == Kind::kVector) AMAS_CHECK(check_head(view, value));
  else if (!net_.head.empty()) return view.other("its input");
  else if (value.kind == Kind::kPooled) AMAS_CHECK(take_branches(view, value));
  else AMAS_CHECK(take_last(view, value));
  const auto parts = value.kind == Kind::kLast ? static_cast<int>(value.parts.size()) : 1;
  const int width = value.kind == Kind::kLast ? net_.layers.back().units * parts : value.width;
  AMAS_TRY(net_.head.emplace_back(), read_dense_layer(view, width));
  return vector();
}

/// A bias that stands as a node of its own, behind MatMul or a convolution.
Result<Value> Reader::add_bias(const NodeView& view) {
  const int constant = view.constant(0) != nullptr ? 0 : 1;
  AMAS_TRY(Value value, given(view, 1 - constant));
  AMAS_TRY(const auto bias, view.floats(constant));
  if (!adds_to_channels(*view.constant(constant), value)) return view.other("what it adds");
  std::vector<float>* to = nullptr;
  if (value.kind == Kind::kConvolved && value.branches.size() == 1 &&
      value.branches[0].activation == Activation::kNone) {
    convolutions_.push_back(convolutions_[static_cast<std::size_t>(value.branches[0].convolution)]);
    value.branches[0].convolution = static_cast<int>(convolutions_.size()) - 1;
    to = &convolutions_.back().last().bias;
  } else {
    AMAS_CHECK(check_head(view, value));
    if (net_.head.back().activation != Activation::kNone) return view.other("what it adds");
    to = &net_.head.back().bias;
    value = vector();
  }
  for (std::size_t i = 0; i < bias.size(); ++i) (*to)[i] += bias[i];
  return value;
}

Result<Value> Reader::activate(const NodeView& view, Value value) {
  const std::string& op = view.node.op_type();
  const Activation activation = op == "Relu"      ? Activation::kRelu
                                : op == "Tanh"    ? Activation::kTanh
                                : op == "Sigmoid" ? Activation::kSigmoid
                                                  : Activation::kSoftmax;
  if (value.kind == Kind::kConvolved || value.kind == Kind::kPooled) {
    for (BranchPart& part : value.branches) {
      // Behind a maximum an activation that keeps order gives what it gives before it.
      const bool moves = value.kind == Kind::kConvolved || part.pooling == Pooling::kMax;
      if (part.activation != Activation::kNone || activation == Activation::kSoftmax || !moves)
        return view.other("its input");
      part.activation = activation;
    }
    return value;
  }
  if (value.axes == "N" && op != "Softmax") {
    // One score a row, whose axis was taken away.
    Value with_axis = value;
    with_axis.axes = "NC";
    AMAS_CHECK(check_head(view, with_axis));
  } else {
    AMAS_CHECK(check_head(view, value));
  }
  if (net_.head.back().activation != Activation::kNone) return view.other("its input");
  if (op == "Softmax" && std::abs(model::int_attribute(view.node, "axis", -1)) != 1)
    return view.other("its axis");
  net_.head.back().activation = activation;
  Value made = vector();
  made.axes = value.axes;
  return made;
}

}  // namespace

Result<Net> recognise(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import())
    if ((opset.domain().empty() || opset.domain() == "ai.onnx") &&
        (opset.version() < 9 || opset.version() > 21))
      return unimplemented(fmt::format("no text net that is known: opset {}", opset.version()));
  return Reader(model.graph()).read();
}

}  // namespace amas::engines::sequence
