#include "engines/sequence/token_node.h"

#include <algorithm>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::TensorProto;

/// Whether an input is a single 0, of whole numbers or floats.
bool is_zero(const NodeView& view, int input) {
  const auto given = view.computed(input);
  if (!given || given->dims.size() > 1 || (given->dims.size() == 1 && given->dims[0] != Size{1}))
    return false;
  return given->zeros || given->numbers == std::vector<Size>{{0}};
}

/// The number that is added to every token.
Result<Value> shift(const NodeView& view, Value tokens, int constant) {
  AMAS_TRY(const auto numbers, view.integers(constant, ""));
  if (tokens.shift != 0 || numbers.size() != 1 || numbers[0] < 1 || view.constant(constant) == nullptr ||
      view.constant(constant)->dims_size() > 1)
    return view.other("what it adds to tokens");
  tokens.kind = Kind::kShifted;
  tokens.shift = numbers[0];
  return tokens;
}

bool are(const Value& left, const Value& right, Kind one, Kind other) {
  return left.axes == right.axes && left.kind == one && right.kind == other;
}

/// Two values in either order.
Result<Value> join(const NodeView& view, const Value& left, const Value& right) {
  const bool product = view.node.op_type() == "Mul";
  for (const bool turned : {false, true}) {
    const Value &a = turned ? right : left, &b = turned ? left : right;
    Value made = a;
    if (product && are(a, b, Kind::kTokens, Kind::kNotBelow) && a.shift == 0) made.kind = Kind::kKept;
    else if (product && are(a, b, Kind::kShifted, Kind::kBelow)) made.kind = Kind::kMoved;
    else if (!product && are(a, b, Kind::kMoved, Kind::kKept)) made.kind = Kind::kTokens;
    else continue;
    return made;
  }
  return view.other("what it makes of tokens");
}

}  // namespace

bool is_wrapping(const Value& value) {
  static constexpr Kind kSteps[] = {Kind::kSigned,  Kind::kBelow, Kind::kNotBelow,
                                    Kind::kShifted, Kind::kKept,  Kind::kMoved};
  return std::ranges::find(kSteps, value.kind) != std::end(kSteps);
}

Result<Value> wrap_tokens(const NodeView& view, const Value& left, const Value* right) {
  const std::string& op = view.node.op_type();
  Value made = left;
  if (op == "Not" && left.kind == Kind::kBelow) {
    made.kind = Kind::kNotBelow;
    return made;
  }
  const bool numbers = left.kind == Kind::kSigned || (left.kind == Kind::kTokens && left.shift == 0);
  if (op == "Less" && numbers && is_zero(view, 1)) {
    made.kind = Kind::kBelow;
    return made;
  }
  if ((op == "Add" || op == "Mul") && right != nullptr) return join(view, left, *right);
  if (op == "Add" && left.kind == Kind::kTokens)
    return shift(view, left, view.constant(0) != nullptr ? 0 : 1);
  return view.other("what it makes of tokens");
}

Result<Value> cast_value(const NodeView& view, Value value) {
  static constexpr Kind kTruths[] = {Kind::kPresent, Kind::kLengths, Kind::kBelow, Kind::kNotBelow};
  const auto to = model::int_attribute(view.node, "to", 0);
  const bool truth = std::ranges::find(kTruths, value.kind) != std::end(kTruths);
  if (to == TensorProto::FLOAT && value.kind == Kind::kTokens && value.shift == 0) value.kind = Kind::kSigned;
  else if (to == TensorProto::FLOAT ? !truth : to != TensorProto::INT32 && to != TensorProto::INT64)
    return view.other("the type that it makes");
  else if (!truth && value.kind != Kind::kTokens && value.kind != Kind::kRows)
    return view.other("the operator is not known here");
  return value;
}

Result<Value> choose_tokens(const NodeView& view, const Value& condition, const Value& yes, const Value& no) {
  const bool below = condition.kind == Kind::kBelow && are(yes, no, Kind::kShifted, Kind::kTokens),
             above = condition.kind == Kind::kNotBelow && are(yes, no, Kind::kTokens, Kind::kShifted);
  const Value &tokens = below ? no : yes, &shifted = below ? yes : no;
  if ((!below && !above) || condition.axes != yes.axes || tokens.shift != 0)
    return view.other("what it makes of tokens");
  Value made = tokens;
  made.shift = shifted.shift;
  return made;
}

}  // namespace amas::engines::sequence
