#include "random_text_net.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "random_graph.h"

namespace amas::differential {
namespace {

using onnx::TensorProto;

/// How the steps lie: [N,T,C], [N,C,T], with a single axis behind or before T, or as an image [N,1,T,C].
enum class Layout { kNtc, kNct, kNct1, kNc1t, kImage };

/// Writes one net, node after node.
class Writer : public RandomGraph {
 public:
  explicit Writer(std::mt19937& random) : RandomGraph(random, "random_text_net") {}

  RandomTextNet write() {
    net_.vocabulary = between(2, 400);
    net_.length = between(1, 40);
    net_.open = chance(3);
    net_.token_type = chance(3) ? DType::kInt64 : DType::kInt32;
    const bool recurrent = chance(2);
    net_.mask = recurrent && chance(3);
    const auto type = net_.token_type == DType::kInt64 ? TensorProto::INT64 : TensorProto::INT32;
    *graph().add_input() = model::make_value_info("tokens", type, {-1, net_.open ? -1 : net_.length});
    width_ = between(1, 70);
    if (recurrent) {
      write_embedding();
      const std::int64_t layers = between(1, 3);
      for (std::int64_t i = 0; i < layers; ++i) write_recurrent(i + 1 == layers);
    } else if (chance(6)) {
      write_masked_mean();
    } else {
      write_pooled();
    }
    const std::int64_t dense = between(1, 3);
    for (std::int64_t i = 0; i < dense; ++i) write_dense(i + 1 == dense);
    net_.onnx = serialised();
    return net_;
  }

 private:
  std::string moved_tokens();
  void write_embedding();
  std::string zero_state(std::int64_t directions, std::int64_t units);
  void write_recurrent(bool top);
  void write_last(const std::string& states, const std::string& last, std::int64_t directions, bool forward);
  void write_dense(bool top);
  void write_pooled();
  void write_masked_mean();
  std::string write_branch(const std::string& embedded, Layout layout);
  std::string write_convolution(const std::string& embedded, Layout& layout, std::int64_t filters);
  void pad(std::int64_t width, Layout layout);

  RandomTextNet net_;
  std::int64_t steps_ = 0;  ///< of the last convolution
  std::int64_t width_ = 0;  ///< values a step, then of the vector
  std::string value_, lengths_;
};

/// Tokens as Keras looks them up: those below 0 are counted from the table's end.
std::string Writer::moved_tokens() {
  const std::string rows = name("rows"), zero = name("zero");
  const auto number = [&](const std::string& as, std::int64_t wide) {
    const auto narrow = static_cast<std::int32_t>(wide);
    if (net_.token_type == DType::kInt64)
      model::add_constant<std::int64_t>(graph(), as, {}, std::span(&wide, 1));
    else model::add_constant<std::int32_t>(graph(), as, {}, std::span(&narrow, 1));
  };
  number(rows, net_.vocabulary);
  number(zero, 0);
  const std::string shifted = node("Add", {"tokens", rows}), below = node("Less", {"tokens", zero});
  const auto type = net_.token_type == DType::kInt64 ? TensorProto::INT64 : TensorProto::INT32;
  if (type == TensorProto::INT64 && chance(2)) return node("Where", {below, shifted, "tokens"});
  const auto as_number = [&](const std::string& truth) {
    const std::string made = node("Cast", {truth});
    model::set_int(*last_, "to", type);
    return made;
  };
  const std::string kept = node("Mul", {"tokens", as_number(node("Not", {below}))});
  return node("Add", {node("Mul", {as_number(below), shifted}), kept});
}

/// Zeros as large as the rows that come, as exporters write a state to begin with.
std::string Writer::zero_state(std::int64_t directions, std::int64_t units) {
  std::string rows = node("Shape", {"tokens"});
  if (chance(2)) rows = node("Unsqueeze", {node("Gather", {rows, integer(0)}), integers({0})});
  else rows = node("Slice", {rows, integers({0}), integers({1}), integers({0})});
  const bool apart = chance(2);
  const std::string shape = apart ? node("Concat", {rows, integers({units})})
                                  : node("Concat", {integers({directions}), rows, integers({units})});
  model::set_int(*last_, "axis", 0);
  if (!apart) return node("ConstantOfShape", {shape});
  const float nothing = 0;
  const std::string zero = name("nothing");
  model::add_constant<float>(graph(), zero, {}, std::span(&nothing, 1));
  const std::string one = node("Unsqueeze", {node("Expand", {zero, shape}), integers({0})});
  if (directions == 1) return one;
  const std::string both = node("Concat", {one, one});
  model::set_int(*last_, "axis", 0);
  return both;
}

void Writer::write_embedding() {
  const std::string table = weights("table", {net_.vocabulary, width_}, 0.6);
  std::string tokens = "tokens";
  if (chance(4)) tokens = node("Identity", {tokens});
  else if (!net_.mask && chance(3)) tokens = moved_tokens();
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
  const std::string begin = chance(3) ? zero_state(directions, units) : "";
  auto& cell = *graph().add_node();
  cell.set_op_type(lstm ? "LSTM" : "GRU");
  for (const std::string& input : {value_, kernel, recurrent}) cell.add_input(input);
  if (biased || net_.mask) cell.add_input(bias);
  if (net_.mask) cell.add_input(lengths_);
  if (!begin.empty()) {
    while (cell.input_size() < 5) cell.add_input("");
    cell.add_input(begin);
    if (lstm && chance(2)) cell.add_input(begin);
  }
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
    value_ = node("Reshape",
                  {turned(states, {0, 2, 1, 3}),
                   net_.open || chance(2) ? integers({0, 0, -1}) : integers({net_.length, -1, width_})});
}

void Writer::write_last(const std::string& states, const std::string& last, std::int64_t directions,
                        bool forward) {
  if (forward && !net_.mask && chance(2)) {
    const std::string squeezed = node("Squeeze", {states, integers({1})});
    const bool rows_first = chance(2);
    const std::string steps = rows_first ? turned(squeezed, {1, 0, 2}) : squeezed;
    value_ = node("Gather", {steps, integer(-1)});
    model::set_int(*last_, "axis", rows_first ? 1 : 0);
  } else if (directions == 2 && !net_.mask && chance(3)) {
    const auto end = [&](std::int64_t direction) {
      const std::string one =
          node("Slice", {states, integers({direction}), integers({direction + 1}), integers({1})});
      const std::string steps = node("Squeeze", {one, integers({1})});
      const std::string step =
          direction == 0 ? node("Slice", {steps, integers({-1}), integers({INT64_MAX}), integers({0})})
                         : node("Slice", {steps, integers({0}), integers({1}), integers({0})});
      return node("Squeeze", {step, integers({0})});
    };
    const std::string first = end(0);
    value_ = node("Concat", {first, end(1)});
    model::set_int(*last_, "axis", 1);
  } else if (!net_.mask && chance(3)) {
    // The end of the row, of which a direction in reverse has read a single step.
    const std::string merged = node("Reshape", {turned(states, {0, 2, 1, 3}), integers({0, 0, -1})});
    const bool rows_first = chance(2);
    value_ = node("Gather", {rows_first ? turned(merged, {1, 0, 2}) : merged, integer(-1)});
    model::set_int(*last_, "axis", rows_first ? 1 : 0);
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
  const bool flat = top && columns == 1 && chance(2);
  if (flat) value_ = node("Squeeze", {value_, integers({chance(2) ? 1 : -1})});
  static constexpr std::string_view kInner[] = {"Relu", "Tanh", "Sigmoid"},
                                    kOuter[] = {"Sigmoid", "Softmax", "Tanh"};
  value_ = node(flat ? "Sigmoid" : (top ? kOuter : kInner)[between(0, 2)], {value_});
  if (flat) *graph().add_output() = model::make_value_info(value_, TensorProto::FLOAT, {-1});
  else if (top) *graph().add_output() = model::make_value_info(value_, TensorProto::FLOAT, {-1, columns});
}

/// The mean over the tokens above 0, as Keras's masking and torch users write it.
void Writer::write_masked_mean() {
  net_.mask = true;
  net_.description += " masked-mean";
  const std::string rows = node("Gather", {weights("table", {net_.vocabulary, width_}, 0.6), "tokens"});
  const std::string zero = name("zero");
  const std::int64_t wide = 0;
  const std::int32_t narrow = 0;
  if (net_.token_type == DType::kInt64)
    model::add_constant<std::int64_t>(graph(), zero, {}, std::span(&wide, 1));
  else model::add_constant<std::int32_t>(graph(), zero, {}, std::span(&narrow, 1));
  std::string present =
      chance(2) ? node("Greater", {"tokens", zero}) : node("Not", {node("Equal", {"tokens", zero})});
  present = node("Cast", {present});
  model::set_int(*last_, "to", TensorProto::FLOAT);
  present = node("Unsqueeze", {present, integers({-1})});
  const std::string masked = chance(2) ? node("Mul", {rows, present}) : node("Mul", {present, rows});
  const bool keep = chance(2);
  const std::string sum = node("ReduceSum", {masked, integers({1})});
  model::set_int(*last_, "keepdims", keep ? 1 : 0);
  std::string count = node("ReduceSum", {present, integers({-2})});
  model::set_int(*last_, "keepdims", keep ? 1 : 0);
  const float least = chance(2) ? 1.0F : 1e-9F;
  const std::string bound = name("least");
  model::add_constant<float>(graph(), bound, {}, std::span(&least, 1));
  value_ = node("Div", {sum, node(chance(2) ? "Max" : "Clip", {count, bound})});
  if (keep) value_ = node("Squeeze", {value_, integers({1})});
}

void Writer::write_pooled() {
  const std::string table = weights("table", {net_.vocabulary, width_}, 0.6);
  const std::string rows = node("Gather", {table, "tokens"});
  const std::int64_t branches = chance(2) ? 1 : between(2, 3);
  std::string joined = rows;
  std::int64_t width = 0;
  for (std::int64_t i = 0; i < branches; ++i) {
    const auto layout = static_cast<Layout>(between(0, 4));
    std::string input = rows;
    if (layout == Layout::kImage) input = node("Unsqueeze", {rows, integers({1})});
    else if (layout != Layout::kNtc) input = turned(rows, {0, 2, 1});
    if (layout == Layout::kNct1) input = node("Unsqueeze", {input, integers({-1})});
    if (layout == Layout::kNc1t) input = node("Unsqueeze", {input, integers({2})});
    const std::int64_t embedding = width_;
    const std::string branch = write_branch(input, layout);
    joined = i == 0 ? branch : node("Concat", {joined, branch});
    if (i > 0) model::set_int(*last_, "axis", chance(2) ? 1 : -1);
    width += width_;
    width_ = embedding;
  }
  width_ = width;
  value_ = joined;
}

/// A convolution or none, an activation or none, and its pooling: [N, width_].
std::string Writer::write_branch(const std::string& embedded, Layout layout) {
  steps_ = net_.length;
  std::string value = embedded;
  const bool convolution = layout != Layout::kNtc && (layout == Layout::kImage || !chance(4));
  if (convolution)
    value = write_convolution(embedded, layout, chance(6) ? between(100, 300) : between(1, 80));
  static constexpr std::string_view kKnown[] = {"", "Relu", "Tanh", "Sigmoid"};
  for (std::int64_t above = convolution && chance(3) ? between(1, 2) : 0; above > 0; --above) {
    if (const std::int64_t between_them = between(0, 3); between_them > 0)
      value = node(kKnown[between_them], {value});
    value = write_convolution(value, layout, between(1, 80));
  }
  const std::int64_t activation = convolution ? between(0, 3) : 0;
  const bool behind = chance(3);
  if (activation > 0 && !behind) value = node(kKnown[activation], {value});
  const bool mean = chance(2) && !(activation > 0 && behind) && activation < 3;
  net_.description += mean ? "-mean" : "-max";
  const std::string kind = mean ? "Mean" : "Max";
  const std::int64_t way =
      layout == Layout::kNtc || layout == Layout::kImage ? 0 : between(0, net_.open ? 1 : 2);
  const std::int64_t step_axis = layout == Layout::kNtc ? 1 : layout == Layout::kNc1t ? 3 : 2;
  if (way == 0) {
    // The single axis of an image stands where T does not.
    const bool keep = chance(2);
    const bool image = layout != Layout::kNtc && layout != Layout::kNct;
    const std::int64_t single = step_axis == 3 ? 2 : 3;
    value = node("Reduce" + kind, {value});
    if (image && !keep) model::set_ints(*last_, "axes", {single, step_axis});
    else model::set_ints(*last_, "axes", {chance(2) || image ? step_axis : step_axis - 3});
    model::set_int(*last_, "keepdims", keep ? 1 : 0);
    if (keep && layout == Layout::kNtc) value = node("Squeeze", {value, integers({1})});
    else if (keep) value = chance(2) ? node("Flatten", {value}) : node("Reshape", {value, integers({0, -1})});
  } else {
    const bool image = layout != Layout::kNct;
    value =
        node(way == 1 ? (mean ? "GlobalAveragePool" : "GlobalMaxPool") : (mean ? "AveragePool" : "MaxPool"),
             {value});
    if (way == 2 && !image) model::set_ints(*last_, "kernel_shape", {steps_});
    else if (way == 2 && layout == Layout::kNc1t) model::set_ints(*last_, "kernel_shape", {1, steps_});
    else if (way == 2) model::set_ints(*last_, "kernel_shape", {steps_, 1});
    value = node("Reshape", {value, chance(2) ? integers({-1, width_}) : integers({0, -1})});
  }
  return activation > 0 && behind ? node(kKnown[activation], {value}) : value;
}

std::string Writer::write_convolution(const std::string& embedded, Layout& layout, std::int64_t filters) {
  const std::int64_t width = between(1, std::min<std::int64_t>(12, steps_));
  const double limit = std::sqrt(3.0 / static_cast<double>(width * width_));
  std::string kernel;
  if (layout == Layout::kImage) kernel = weights("kernel", {filters, 1, width, width_}, limit);
  else if (layout == Layout::kNct1) kernel = weights("kernel", {filters, width_, width, 1}, limit);
  else if (layout == Layout::kNc1t) kernel = weights("kernel", {filters, width_, 1, width}, limit);
  else kernel = weights("kernel", {filters, width_, width}, limit);
  const bool biased = chance(2);
  net_.description += fmt::format(" cnn{}x{}", filters, width);
  std::string value = biased ? node("Conv", {embedded, kernel, weights("bias", {filters}, 0.3)})
                             : node("Conv", {embedded, kernel});
  pad(width, layout);
  if (layout == Layout::kImage) layout = Layout::kNct1;
  width_ = filters;
  if (biased || chance(2)) return value;
  return layout == Layout::kNct ? node("Add", {value, weights("bias", {filters, 1}, 0.3)})
                                : node("Add", {value, weights("bias", {1, filters, 1, 1}, 0.3)});
}

/// No padding, as much as keeps the length, or any.
void Writer::pad(std::int64_t width, Layout layout) {
  const std::int64_t way = between(0, 3);
  const std::int64_t before = steps_;
  steps_ = before - width + 1;
  if (way == 0) return;
  if (way == 1 && layout != Layout::kImage) {
    auto& automatic = *last_->add_attribute();
    automatic.set_name("auto_pad");
    automatic.set_type(onnx::AttributeProto::STRING);
    automatic.set_s(chance(2) ? "SAME_UPPER" : "SAME_LOWER");
    steps_ = before;
    return;
  }
  const std::int64_t front = between(0, width + 1), behind = between(0, width + 1);
  steps_ += front + behind;
  if (layout == Layout::kNct) model::set_ints(*last_, "pads", {front, behind});
  else if (layout == Layout::kNc1t) model::set_ints(*last_, "pads", {0, front, 0, behind});
  else model::set_ints(*last_, "pads", {front, 0, behind, 0});
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
      std::int64_t token = !inside ? 0 : net.mask ? 1 + below(net.vocabulary - 1) : below(net.vocabulary);
      if (shape == 3 && below(4) == 0) token -= net.vocabulary;
      tokens.push_back(token);
    }
  }
  if (net.token_type == DType::kInt64)
    return Tensor::of<std::int64_t>({rows, net.length}, std::span<const std::int64_t>(tokens));
  const std::vector<std::int32_t> narrow(tokens.begin(), tokens.end());
  return Tensor::of<std::int32_t>({rows, net.length}, std::span<const std::int32_t>(narrow));
}

}  // namespace amas::differential
