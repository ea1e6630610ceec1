#include "engines/sequence/mask_node.h"

#include <algorithm>
#include <cmath>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

/// The float constant that an input is, alone.
Result<float> single(const NodeView& view, int input) {
  AMAS_TRY(const auto values, view.floats(input));
  if (values.size() != 1 || view.constant(input)->dims_size() > 1) return view.other("what it compares with");
  return values[0];
}

Result<Value> compare(const NodeView& view, Value value) {
  AMAS_TRY(const auto numbers, view.integers(1, ""));
  if (value.kind != Kind::kTokens || numbers.size() != 1 || numbers[0] != 0 ||
      view.constant(1)->dims_size() > 1)
    return view.other("what it compares");
  value.kind = view.node.op_type() == "Equal" ? Kind::kAbsent : Kind::kPresent;
  return value;
}

/// At least so many, so that nothing is divided by 0.
Result<Value> bound(const NodeView& view, Value value) {
  if (value.kind != Kind::kLengths || value.least != 0 || view.has(2)) return view.other("what it bounds");
  AMAS_TRY(value.least, single(view, 1));
  if (!(value.least > 0)) return view.other("what it bounds");
  return value;
}

/// Whether one number a step stands beside each of its C.
bool broadcasts(const Value& value, const Value& numbers) {
  std::string axes = value.axes;
  std::ranges::replace(axes, 'C', '1');
  return numbers.axes == axes;
}

}  // namespace

Result<std::string> reduced_axes(const NodeView& view, const Value& value) {
  AMAS_TRY(const auto which, view.integers(1, "axes"));
  const bool keeps = model::int_attribute(view.node, "keepdims", 1) != 0;
  std::string axes = value.axes;
  bool steps = false;
  for (const std::int64_t axis : which) {
    const char letter = axis_at(axes, axis);
    if (letter != 'T' && letter != '1') return view.other("the axes that it reduces");
    steps |= letter == 'T';
    axes[static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int64_t>(axes.size()) : axis)] = ' ';
  }
  if (!steps) return view.other("the axes that it reduces");
  if (keeps) std::ranges::replace(axes, ' ', '1');
  else std::erase(axes, ' ');
  return axes;
}

Result<Value> read_count(const NodeView& view, Value value) {
  const std::string& op = view.node.op_type();
  if (op == "Equal" || op == "Greater") return compare(view, std::move(value));
  if (op == "Max" || op == "Clip") return bound(view, std::move(value));
  if (op == "Sign" && value.kind == Kind::kTokens) {
    value.kind = Kind::kPresent;
  } else if (op == "Not" && value.kind == Kind::kAbsent) {
    value.kind = Kind::kPresent;
  } else if (op == "ReduceSum" && (value.kind == Kind::kPresent || value.kind == Kind::kMasked)) {
    value.kind = value.kind == Kind::kPresent ? Kind::kLengths : Kind::kMaskedSum;
    AMAS_TRY(value.axes, reduced_axes(view, value));
    value.length = 0;
  } else {
    return view.other("what it counts");
  }
  return value;
}

Result<Value> read_masked(const NodeView& view, const Value& left, const Value& right) {
  Value value = left;
  if (view.node.op_type() == "Mul") {
    const bool turned = left.kind == Kind::kPresent;
    const Value& numbers = turned ? left : right;
    if (turned) value = right;
    if (value.kind != Kind::kEmbedded || numbers.kind != Kind::kPresent || !broadcasts(value, numbers))
      return view.other("what it multiplies");
    value.kind = Kind::kMasked;
    return value;
  }
  if (left.kind != Kind::kMaskedSum || right.kind != Kind::kLengths || !broadcasts(left, right))
    return view.other("what it divides");
  value.kind = Kind::kPooled;
  value.branches = {{.pooling = Pooling::kMaskedMean, .least = right.least}};
  return value;
}

}  // namespace amas::engines::sequence
