#include "engines/sequence/axes_node.h"

#include <fmt/format.h>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {

Result<Value> move_axes(const NodeView& view, Value value) {
  std::optional<std::string> axes;
  const std::string& op = view.node.op_type();
  if (op == "Reshape" || op == "Flatten") {
    std::vector<Size> shape{{0}, {-1}};
    if (op == "Reshape") {
      AMAS_TRY(shape, view.sizes(1));
    }
    const bool other_axis = op == "Flatten" && model::int_attribute(view.node, "axis", 1) != 1;
    auto result = reshaped(value, shape, model::int_attribute(view.node, "allowzero", 0) == 0);
    if (!result || other_axis)
      return view.other(fmt::format("it does not keep the meaning of the axes {}", value.axes));
    return std::move(*result);
  }
  if (op == "Transpose") {
    AMAS_TRY(const auto order, view.integers(-1, "perm"));
    axes = transposed(value.axes, order);
  } else if (op == "Squeeze") {
    AMAS_TRY(const auto which, view.integers(1, "axes"));
    axes = squeezed(value, which);
  } else {
    AMAS_TRY(const auto which, view.integers(1, "axes"));
    axes = unsqueezed(value.axes, which);
  }
  if (!axes) return view.other(fmt::format("it does not keep the meaning of the axes {}", value.axes));
  value.axes = *axes;
  return value;
}

Result<Value> join_values(const NodeView& view, std::span<const Value> inputs) {
  Value all = inputs[0];
  const char letter = axis_at(all.axes, model::int_attribute(view.node, "axis", 0));
  const bool states = all.kind == Kind::kLast || all.kind == Kind::kStates,
             branches = all.kind == Kind::kConvolved || all.kind == Kind::kPooled;
  if ((!states && !branches) || (letter != 'C' && !(states && letter == 'D')) ||
      (letter == 'C' && all.axes.find('D') != std::string::npos))
    return view.other("what it joins");
  for (const Value& next : inputs.subspan(1)) {
    if (next.kind != all.kind || next.axes != all.axes || next.length != all.length)
      return view.other("what it joins");
    all.parts.insert(all.parts.end(), next.parts.begin(), next.parts.end());
    all.branches.insert(all.branches.end(), next.branches.begin(), next.branches.end());
    if (letter == 'C') all.width += next.width;
  }
  return all;
}

bool adds_to_channels(const onnx::TensorProto& tensor, const Value& value) {
  const auto rank = static_cast<int>(value.axes.size());
  if (tensor.dims_size() > rank) return false;
  bool found = false;
  for (int i = 0; i < tensor.dims_size(); ++i) {
    const bool channels = value.axes[static_cast<std::size_t>(rank - tensor.dims_size() + i)] == 'C';
    if (tensor.dims(i) != (channels ? value.width : 1)) return false;
    found |= channels;
  }
  return found;
}

}  // namespace amas::engines::sequence
