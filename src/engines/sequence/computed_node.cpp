#include "engines/sequence/computed_node.h"

#include <algorithm>
#include <limits>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::TensorProto;
using Maybe = std::optional<Computed>;

/// Sizes beyond this are no tensor's; below it two of them can be multiplied.
constexpr std::int64_t kSizeMax = std::numeric_limits<std::int32_t>::max();

bool in_range(const Size& size) { return size.count >= -kSizeMax && size.count <= kSizeMax; }

Computed vector_of(std::vector<Size> numbers) {
  return {.dims = {{std::ssize(numbers)}}, .numbers = std::move(numbers)};
}

/// Where an axis stands among `rank`; nothing outside.
std::optional<std::size_t> place_of(std::int64_t axis, std::size_t rank) {
  const std::int64_t size = static_cast<std::int64_t>(rank), place = axis < 0 ? axis + size : axis;
  if (place < 0 || place >= size) return std::nullopt;
  return static_cast<std::size_t>(place);
}

/// The integers of an attribute or an input, where they are known.
std::optional<std::vector<std::int64_t>> known_integers(const NodeView& view, int input,
                                                        std::string_view attribute) {
  auto values = view.integers(input, attribute);
  return values ? std::optional(std::move(*values)) : std::nullopt;
}

Maybe gather(const NodeView& view, const Computed& from) {
  const Maybe index = view.computed(1);
  const auto places = known_integers(view, 1, "");
  if (from.zeros || from.dims.size() != 1 || !index || !places ||
      model::int_attribute(view.node, "axis", 0) != 0)
    return std::nullopt;
  Computed made{.dims = index->dims};
  for (const std::int64_t one : *places) {
    const auto place = place_of(one, from.numbers.size());
    if (!place) return std::nullopt;
    made.numbers.push_back(from.numbers[*place]);
  }
  return made;
}

Maybe unsqueeze(const NodeView& view, Computed value) {
  const auto axes = known_integers(view, 1, "axes");
  if (!axes || axes->size() != 1) return std::nullopt;
  const auto place = place_of((*axes)[0], value.dims.size() + 1);
  if (!place || (!value.zeros && !value.dims.empty())) return std::nullopt;
  value.dims.insert(value.dims.begin() + static_cast<std::ptrdiff_t>(*place), Size{1});
  return value;
}

Maybe squeeze(const NodeView& view, Computed value) {
  const auto axes = known_integers(view, 1, "axes");
  if (!axes || axes->size() != 1) return std::nullopt;
  const auto place = place_of((*axes)[0], value.dims.size());
  if (!place || value.dims[*place] != Size{1}) return std::nullopt;
  value.dims.erase(value.dims.begin() + static_cast<std::ptrdiff_t>(*place));
  return value;
}

Maybe concatenate(const NodeView& view, Computed all) {
  const auto place = place_of(model::int_attribute(view.node, "axis", 0), all.dims.size());
  if (!place || all.dims[*place].of != '1' || !in_range(all.dims[*place])) return std::nullopt;
  for (int i = 1; i < view.node.input_size(); ++i) {
    Maybe next = view.computed(i);
    if (!next || next->zeros != all.zeros || next->dims.size() != all.dims.size()) return std::nullopt;
    const Size size = next->dims[*place];
    next->dims[*place] = all.dims[*place];
    if (size.of != '1' || next->dims != all.dims || !in_range(size)) return std::nullopt;
    all.dims[*place].count += size.count;
    all.numbers.insert(all.numbers.end(), next->numbers.begin(), next->numbers.end());
  }
  return all;
}

/// One axis of a known size, cut by one step.
Maybe slice(const NodeView& view, Computed value) {
  const auto starts = known_integers(view, 1, "starts"), ends = known_integers(view, 2, "ends");
  const auto axes = view.has(3) || model::find_attribute(view.node, "axes") != nullptr
                        ? known_integers(view, 3, "axes")
                        : std::vector<std::int64_t>{0};
  const auto steps = view.has(4) ? known_integers(view, 4, "") : std::vector<std::int64_t>{1};
  if (!starts || !ends || !axes || !steps || starts->size() != 1 || ends->size() != 1 || axes->size() != 1 ||
      *steps != std::vector<std::int64_t>{1})
    return std::nullopt;
  const auto place = place_of((*axes)[0], value.dims.size());
  if (!place || value.dims[*place].of != '1') return std::nullopt;
  const std::int64_t size = value.dims[*place].count;
  if (size < 0) return std::nullopt;
  const auto inside = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const std::int64_t begin = inside((*starts)[0]), end = std::max(begin, inside((*ends)[0]));
  value.dims[*place].count = end - begin;
  if (!value.zeros)
    value.numbers = std::vector<Size>(value.numbers.begin() + begin, value.numbers.begin() + end);
  return value;
}

Maybe multiply(const NodeView& view, Computed value) {
  const Maybe by = view.computed(1);
  if (!by || value.zeros || by->zeros || by->dims != value.dims) return std::nullopt;
  for (std::size_t i = 0; i < value.numbers.size(); ++i) {
    Size& size = value.numbers[i];
    const Size& other = by->numbers[i];
    if ((size.of != '1' && other.of != '1') || !in_range(size) || !in_range(other)) return std::nullopt;
    size = {size.count * other.count, size.of == '1' ? other.of : size.of};
  }
  return value;
}

/// One number as a vector of one.
Maybe reshape(const NodeView& view, const Computed& value) {
  const auto shape = known_integers(view, 1, "");
  const bool single = shape && shape->size() == 1 && ((*shape)[0] == -1 || (*shape)[0] == 1);
  if (value.zeros || value.numbers.size() != 1 || !single) return std::nullopt;
  return vector_of(value.numbers);
}

Maybe cast(const NodeView& view, Computed value) {
  const auto to = model::int_attribute(view.node, "to", 0);
  if (value.zeros) return to == TensorProto::FLOAT ? Maybe(std::move(value)) : std::nullopt;
  const bool whole = to == TensorProto::INT32 || to == TensorProto::INT64;
  return whole && std::ranges::all_of(value.numbers, in_range) ? Maybe(std::move(value)) : std::nullopt;
}

Maybe constant_of_shape(const NodeView& view, const Computed& shape) {
  if (shape.zeros || shape.dims.size() != 1) return std::nullopt;
  if (const auto* value = model::find_attribute(view.node, "value")) {
    const auto number = model::read_constant<float>(value->t());
    if (!number || number->size() != 1 || number->front() != 0) return std::nullopt;
  }
  return Computed{.dims = shape.numbers, .zeros = true};
}

/// A single zero, in as many places as are asked for.
Maybe expand(const NodeView& view, const Computed& value) {
  const Maybe shape = view.computed(1);
  const bool single = std::ranges::all_of(value.dims, [](const Size& size) { return size == Size{1}; });
  if (!value.zeros || !single || !shape || shape->zeros || shape->dims.size() != 1 ||
      value.dims.size() > shape->numbers.size())
    return std::nullopt;
  return Computed{.dims = shape->numbers, .zeros = true};
}

Maybe transpose(const NodeView& view, Computed value) {
  const auto order = known_integers(view, -1, "perm");
  if (!value.zeros || !order || order->size() != value.dims.size()) return std::nullopt;
  std::vector<bool> seen(order->size());
  std::vector<Size> dims;
  for (const std::int64_t axis : *order) {
    const auto place = axis < 0 ? std::nullopt : place_of(axis, seen.size());
    if (!place || seen[*place]) return std::nullopt;
    seen[*place] = true;
    dims.push_back(value.dims[*place]);
  }
  value.dims = std::move(dims);
  return value;
}

/// The sizes that a Shape node asks for, of all.
Computed asked_sizes(const NodeView& view, const std::vector<Size>& sizes) {
  const auto rank = std::ssize(sizes);
  const auto inside = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t begin = inside(model::int_attribute(view.node, "start", 0));
  const std::int64_t end = std::max(begin, inside(model::int_attribute(view.node, "end", rank)));
  return vector_of({sizes.begin() + begin, sizes.begin() + end});
}

}  // namespace

Result<Computed> shape_of(const NodeView& view, const Value& value) {
  std::vector<Size> sizes;
  for (const char letter : value.axes) {
    sizes.push_back(size_of(letter, value));
    if (sizes.back().count < 0) return view.other("the number of steps that it asks for");
  }
  return asked_sizes(view, sizes);
}

std::optional<Computed> compute(const NodeView& view) {
  Maybe first = view.computed(0);
  if (!first) return std::nullopt;
  const std::string& op = view.node.op_type();
  if (op == "Gather") return gather(view, *first);
  if (op == "Unsqueeze") return unsqueeze(view, std::move(*first));
  if (op == "Squeeze") return squeeze(view, std::move(*first));
  if (op == "Concat") return concatenate(view, std::move(*first));
  if (op == "Cast") return cast(view, std::move(*first));
  if (op == "Slice") return slice(view, std::move(*first));
  if (op == "Mul") return multiply(view, std::move(*first));
  if (op == "Reshape") return reshape(view, *first);
  if (op == "ConstantOfShape") return constant_of_shape(view, *first);
  if (op == "Expand") return expand(view, *first);
  if (op == "Transpose") return transpose(view, std::move(*first));
  if (op == "Identity") return first;
  if (op == "Shape") return asked_sizes(view, first->dims);
  return std::nullopt;
}

}  // namespace amas::engines::sequence
