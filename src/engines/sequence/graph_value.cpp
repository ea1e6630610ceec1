#include "engines/sequence/graph_value.h"

#include <algorithm>

namespace amas::engines::sequence {
namespace {

/// Where an axis stands in axes of this rank; nothing outside.
std::optional<std::size_t> place_of(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

/// Whether a dimension of a new shape may keep this axis of this size: 0 copies it, -1 is what is left.
bool keeps(char letter, std::int64_t dim, int size) {
  if (dim == 0 || dim == -1) return true;
  return letter != 'N' && dim == size;
}

}  // namespace

std::vector<StatePart> parts_of(const RecurrentLayer& layer, std::size_t number) {
  std::vector<StatePart> parts;
  for (const Direction& direction : layer.directions) parts.push_back({number, direction.reverse});
  return parts;
}

char axis_at(std::string_view axes, std::int64_t axis) {
  const auto place = place_of(axis, axes.size());
  return place ? axes[*place] : '?';
}

std::optional<std::string> transposed(std::string_view axes, std::span<const std::int64_t> order) {
  if (order.size() != axes.size()) return std::nullopt;
  std::string result;
  for (const std::int64_t axis : order) {
    const char letter = axis < 0 ? '?' : axis_at(axes, axis);
    if (letter == '?') return std::nullopt;
    result += letter;
  }
  return std::ranges::is_permutation(result, axes) ? std::optional(result) : std::nullopt;
}

std::optional<std::string> squeezed(const Value& value, std::span<const std::int64_t> which) {
  std::string axes = value.axes;
  for (const std::int64_t axis : which) {
    const auto place = place_of(axis, value.axes.size());
    if (!place) return std::nullopt;
    const char letter = value.axes[*place];
    if (letter != '1' && !(letter == 'D' && value.parts.size() == 1)) return std::nullopt;
    axes[*place] = ' ';
  }
  std::erase(axes, ' ');
  return axes;
}

std::optional<std::string> unsqueezed(std::string_view axes, std::span<const std::int64_t> which) {
  if (which.size() != 1) return std::nullopt;
  const auto place = place_of(which[0], axes.size() + 1);
  if (!place) return std::nullopt;
  std::string result(axes);
  result.insert(*place, 1, '1');
  return result;
}

std::optional<Value> reshaped(const Value& value, std::span<const std::int64_t> shape) {
  Value result = value;
  if (value.axes.size() > shape.size()) std::erase(result.axes, '1');
  const bool fewer = result.axes.size() != value.axes.size();
  if (!fewer && value.axes.size() == shape.size() + 1 && value.axes.ends_with("DC")) {
    result.axes.erase(value.axes.size() - 2, 1);
    result.width *= static_cast<int>(value.parts.size());
  }
  if (result.axes.size() != shape.size()) return std::nullopt;
  // At most one size is -1, as ONNX demands; with all the others kept it is that of its axis.
  const bool merged = !fewer && result.axes.size() != value.axes.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const char letter = result.axes[i];
    const int size = letter == 'T'   ? (value.open ? -1 : value.length)
                     : letter == 'C' ? result.width
                     : letter == 'D' ? static_cast<int>(value.parts.size())
                                     : 1;
    if (!keeps(letter, shape[i], size) || (shape[i] == 0 && merged && letter == 'C') ||
        (shape[i] == 0 && fewer && value.axes[i] != letter))
      return std::nullopt;
  }
  if (std::ranges::count(shape, -1) > 1) return std::nullopt;
  return result;
}

}  // namespace amas::engines::sequence
