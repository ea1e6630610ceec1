#include "engines/sequence/pick_node.h"

#include <algorithm>
#include <limits>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

/// An end beyond any axis.
constexpr std::int64_t kOpenEnd = std::numeric_limits<std::int32_t>::max();

/// What is taken of an axis: from `begin`, which counts from the end when negative, to before `end`.
struct Range {
  std::int64_t axis = 0, begin = 0, end = 0;
  bool keeps_axis = true;
};

Result<Range> read_gather(const NodeView& view) {
  AMAS_TRY(const auto indices, view.integers(1, ""));
  const auto index = view.computed(1);
  if (indices.size() != 1 || !index) return view.other("what it takes");
  const std::int64_t begin = indices[0];
  return Range{.axis = model::int_attribute(view.node, "axis", 0),
               .begin = begin,
               .end = begin == -1 ? kOpenEnd : begin + 1,
               .keeps_axis = !index->dims.empty()};
}

Result<Range> read_slice(const NodeView& view) {
  AMAS_TRY(const auto starts, view.integers(1, "starts"));
  AMAS_TRY(const auto ends, view.integers(2, "ends"));
  std::vector<std::int64_t> axes{0}, steps{1};
  if (view.has(3) || model::find_attribute(view.node, "axes") != nullptr) {
    AMAS_TRY(axes, view.integers(3, "axes"));
  }
  if (view.has(4)) {
    AMAS_TRY(steps, view.integers(4, ""));
  }
  if (starts.size() != 1 || ends.size() != 1 || axes.size() != 1 || steps != std::vector<std::int64_t>{1})
    return view.other("what it cuts");
  return Range{.axis = axes[0], .begin = starts[0], .end = ends[0]};
}

/// Takes the single state at a row's end, which a direction in reverse read first; or that at its beginning,
/// where all are in reverse and read it last.
bool take_step(Value& value, const Range& range) {
  const std::int64_t size = value.open ? kOpenEnd : value.length;
  const bool end = range.begin == -1 || (!value.open && range.begin == size - 1);
  const bool beginning = range.begin == 0 || (!value.open && range.begin == -size);
  value.kind = Kind::kLast;
  if (end && range.end >= size) {
    for (StatePart& part : value.parts) part.one_step = part.reverse;
    return true;
  }
  return beginning && std::ranges::all_of(value.parts, &StatePart::reverse) && range.end == range.begin + 1;
}

/// Leaves those parts that the range takes.
bool take_parts(Value& value, const Range& range) {
  const auto count = std::ssize(value.parts);
  const std::int64_t begin = range.begin < 0 ? range.begin + count : range.begin;
  const std::int64_t end = std::min<std::int64_t>(range.end < 0 ? range.end + count : range.end, count);
  if (begin < 0 || begin >= end) return false;
  value.parts = std::vector<StatePart>(value.parts.begin() + begin, value.parts.begin() + end);
  return true;
}

}  // namespace

Result<Value> pick(const NodeView& view, Value value, bool masked) {
  AMAS_TRY(const Range range, view.node.op_type() == "Slice" ? read_slice(view) : read_gather(view));
  const char letter = axis_at(value.axes, range.axis);
  const auto place = value.axes.find(letter);
  if (letter == '?') return view.other("what it takes");
  if (range.keeps_axis && range.begin == 0 && range.end >= kOpenEnd) return value;
  if (value.kind == Kind::kStates && letter == 'T') {
    if (masked || !take_step(value, range)) return view.other("not the last state");
    if (range.keeps_axis) value.axes[place] = '1';
  } else if ((value.kind == Kind::kLast || value.kind == Kind::kStates) && letter == 'D') {
    if (!take_parts(value, range)) return view.other("what it takes");
  } else {
    return view.other("what it takes");
  }
  if (!range.keeps_axis) value.axes.erase(place, 1);
  return value;
}

}  // namespace amas::engines::sequence
