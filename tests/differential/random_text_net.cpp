#include "random_text_net.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::differential {
namespace {

using onnx::TensorProto;

/// Writes one net, node after node.
class Writer {
 public:
  explicit Writer(std::mt19937& random) : random_(random), model_(model::empty_model("random_text_net")) {}

  RandomTextNet write() {
    net_.vocabulary = between(2, 400);
    net_.length = between(1, 40);
    net_.token_type = chance(3) ? DType::kInt64 : DType::kInt32;
    net_.mask = chance(3);
    const auto type = net_.token_type == DType::kInt64 ? TensorProto::INT64 : TensorProto::INT32;
    *graph().add_input() = model::make_value_info("tokens", type, {-1, net_.length});
    width_ = between(1, 70);
    write_embedding();
    const std::int64_t layers = between(1, 3);
    for (std::int64_t i = 0; i < layers; ++i) write_recurrent(i + 1 == layers);
    const std::int64_t dense = between(1, 3);
    for (std::int64_t i = 0; i < dense; ++i) write_dense(i + 1 == dense);
    net_.onnx = model::serialise_onnx(model_);
    return net_;
  }

 private:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(int one_in) { return between(1, one_in) == 1; }
  std::string name(std::string_view what) { return fmt::format("{}_{}", what, ++names_); }
  std::string weights(std::string_view what, std::initializer_list<std::int64_t> dims, double limit) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    std::uniform_real_distribution<float> value(static_cast<float>(-limit), static_cast<float>(limit));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& one : values) one = value(random_);
    const std::string made = name(what);
    model::add_constant<float>(graph(), made, dims, std::span<const float>(values));
    return made;
  }
  std::string integers(std::initializer_list<std::int64_t> values) {
    const std::string made = name("integers");
    const std::vector<std::int64_t> list(values);
    model::add_constant<std::int64_t>(graph(), made, {static_cast<std::int64_t>(list.size())},
                                      std::span<const std::int64_t>(list));
    return made;
  }
  std::string integer(std::int64_t value) {
    const std::string made = name("integer");
    model::add_constant<std::int64_t>(graph(), made, {}, std::span<const std::int64_t>(&value, 1));
    return made;
  }
  std::string node(std::string_view op, std::initializer_list<std::string_view> inputs) {
    const std::string made = name(op);
    last_ = &model::add_node(graph(), op, inputs, made);
    return made;
  }
  std::string turned(const std::string& value, std::initializer_list<std::int64_t> order) {
    const std::string made = node("Transpose", {value});
    model::set_ints(*last_, "perm", order);
    return made;
  }

  void write_embedding();
  void write_recurrent(bool top);
  void write_last(const std::string& states, const std::string& last, std::int64_t directions, bool forward);
  void write_dense(bool top);

  std::mt19937& random_;
  onnx::ModelProto model_;
  RandomTextNet net_;
  onnx::NodeProto* last_ = nullptr;
  int names_ = 0;
  std::int64_t width_ = 0;  ///< values a step, then of the vector
  std::string value_, lengths_;
};

void Writer::write_embedding() {
  const std::string table = weights("table", {net_.vocabulary, width_}, 0.6);
  std::string tokens = "tokens";
  if (chance(4)) tokens = node("Identity", {tokens});
  const bool first = chance(2);
  const std::string steps = turned(tokens, {1, 0});
  value_ = first ? node("Gather", {table, steps}) : turned(node("Gather", {table, tokens}), {1, 0, 2});
  if (!net_.mask) return;
  std::string present = node("Sign", {steps});
  lengths_ = node("ReduceSum", {present, integers({0})});
  model::set_int(*last_, "keepdims", 0);
  if (net_.token_type == DType::kInt32) return;
  lengths_ = node("Cast", {lengths_});
  model::set_int(*last_, "to", TensorProto::INT32);
}

void Writer::write_recurrent(bool top) {
  const bool lstm = chance(2), biased = !chance(5);
  const std::int64_t units = chance(8) ? between(100, 140) : between(1, 70), way = between(0, 2),
                     gates = (lstm ? 4 : 3) * units;
  const std::int64_t directions = way == 2 ? 2 : 1;
  const std::string kernel =
      weights("kernel", {directions, gates, width_}, std::sqrt(3.0 / static_cast<double>(width_)));
  const std::string recurrent =
      weights("recurrent", {directions, gates, units}, std::sqrt(2.0 / static_cast<double>(units)));
  const std::string bias = biased ? weights("bias", {directions, 2 * gates}, 0.5) : "";
  auto& cell = *graph().add_node();
  cell.set_op_type(lstm ? "LSTM" : "GRU");
  for (const std::string& input : {value_, kernel, recurrent}) cell.add_input(input);
  if (biased || net_.mask) cell.add_input(bias);
  if (net_.mask) cell.add_input(lengths_);
  const std::string states = name("states"), last = name("last");
  cell.add_output(states);
  cell.add_output(last);
  model::set_int(cell, "hidden_size", units);
  if (!lstm) model::set_int(cell, "linear_before_reset", 1);
  if (way > 0) {
    auto& direction = *cell.add_attribute();
    direction.set_name("direction");
    direction.set_type(onnx::AttributeProto::STRING);
    direction.set_s(way == 1 ? "reverse" : "bidirectional");
  }
  net_.description += fmt::format(" {}{}{}", lstm ? "lstm" : "gru", units,
                                  way == 0   ? ""
                                  : way == 1 ? "-reverse"
                                             : "-both");
  width_ = units * directions;
  if (top) write_last(states, last, directions, way == 0);
  else if (directions == 1 && chance(2)) value_ = node("Squeeze", {states, integers({1})});
  else
    value_ = node("Reshape", {turned(states, {0, 2, 1, 3}),
                              chance(2) ? integers({0, 0, -1}) : integers({net_.length, -1, width_})});
}

void Writer::write_last(const std::string& states, const std::string& last, std::int64_t directions,
                        bool forward) {
  if (forward && !net_.mask && chance(2)) {
    value_ = node("Gather", {node("Squeeze", {states, integers({1})}), integer(-1)});
    model::set_int(*last_, "axis", 0);
  } else if (directions == 1) {
    value_ = node("Squeeze", {last, integers({0})});
  } else if (chance(2)) {
    value_ = node("Reshape", {turned(last, {1, 0, 2}), integers({0, -1})});
  } else {
    const std::string first = node("Gather", {last, integer(-2)});
    value_ = node("Concat", {first, node("Gather", {last, integer(1)})});
    model::set_int(*last_, "axis", -1);
  }
}

void Writer::write_dense(bool top) {
  const std::int64_t columns = between(1, top ? 5 : 40);
  const double limit = std::sqrt(3.0 / static_cast<double>(width_));
  if (chance(2)) {
    const bool turn = chance(2);
    value_ = node("Gemm", {value_,
                           turn ? weights("dense", {columns, width_}, limit)
                                : weights("dense", {width_, columns}, limit),
                           weights("bias", {columns}, 0.3)});
    if (turn) model::set_int(*last_, "transB", 1);
  } else {
    value_ = node("MatMul", {value_, weights("dense", {width_, columns}, limit)});
    value_ = node("Add", {value_, weights("bias", {columns}, 0.3)});
  }
  width_ = columns;
  static constexpr std::string_view kInner[] = {"Relu", "Tanh", "Sigmoid"},
                                    kOuter[] = {"Sigmoid", "Softmax", "Tanh"};
  value_ = node((top ? kOuter : kInner)[between(0, 2)], {value_});
  if (top) *graph().add_output() = model::make_value_info(value_, TensorProto::FLOAT, {-1, columns});
}

}  // namespace

RandomTextNet random_text_net(std::mt19937& random) { return Writer(random).write(); }

Tensor random_rows(const RandomTextNet& net, std::int64_t rows, std::mt19937& random) {
  std::vector<std::int64_t> tokens;
  const auto below = [&](std::int64_t end) {
    return std::uniform_int_distribution<std::int64_t>(0, end - 1)(random);
  };
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t filled = below(net.length + 1), shape = net.mask ? 1 : below(4);
    for (std::int64_t step = 0; step < net.length; ++step) {
      const bool inside = shape == 0 ? step >= net.length - filled : shape == 1 ? step < filled : true;
      tokens.push_back(!inside ? 0 : net.mask ? 1 + below(net.vocabulary - 1) : below(net.vocabulary));
    }
  }
  if (net.token_type == DType::kInt64)
    return Tensor::of<std::int64_t>({rows, net.length}, std::span<const std::int64_t>(tokens));
  const std::vector<std::int32_t> narrow(tokens.begin(), tokens.end());
  return Tensor::of<std::int32_t>({rows, net.length}, std::span<const std::int32_t>(narrow));
}

}  // namespace amas::differential
