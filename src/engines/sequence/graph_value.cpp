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

Size size_of(char letter, const Value& value) {
  if (letter == 'N') return {1, 'N'};
  if (letter == 'T' && value.open) return value.length == 0 ? Size{1, 'T'} : Size{-1};
  if (letter == 'T') return {value.length};
  if (letter == 'C') return {value.width};
  return {letter == 'D' ? std::ssize(value.parts) : 1};
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
    const bool one_score = letter == 'C' && value.kind == Kind::kVector && value.width == 1;
    if (letter != '1' && !(letter == 'D' && value.parts.size() == 1) && !one_score) return std::nullopt;
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

std::optional<Value> reshaped(const Value& value, std::span<const Size> shape, bool copies) {
  Value result = value;
  if (value.axes.size() > shape.size()) std::erase(result.axes, '1');
  const bool fewer = result.axes.size() != value.axes.size();
  if (!fewer && value.axes.size() == shape.size() + 1 && value.axes.ends_with("DC")) {
    result.axes.erase(value.axes.size() - 2, 1);
    result.width *= static_cast<int>(value.parts.size());
  }
  if (result.axes.size() != shape.size()) return std::nullopt;
  const bool merged = !fewer && result.axes.size() != value.axes.size();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const char letter = result.axes[i];
    // At most one size is -1, as ONNX demands; with all the others kept it is that of its axis.
    if (shape[i] == Size{-1}) continue;
    const bool copied = shape[i] == Size{0};
    if (copied ? !copies : shape[i] != size_of(letter, result)) return std::nullopt;
    if (copied && ((merged && letter == 'C') || (fewer && value.axes[i] != letter))) return std::nullopt;
  }
  if (std::ranges::count(shape, Size{-1}) > 1) return std::nullopt;
  return result;
}

}  // namespace amas::engines::sequence
