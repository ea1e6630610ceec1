#pragma once

#include <array>

#include "engines/forest/layout.h"

namespace amas::engines::forest {

/// Where each lane ended: in a complete tree the leaf's number from the left, in a deep one its node.
using Ends = std::array<std::uint32_t, kLanes>;

/// Rows as the walks read them: with (`columns`) or without missing values rewritten.
template <class T>
struct WalkRows {
  const T* data = nullptr;
  std::ptrdiff_t row_stride = 0, column_stride = 1;
  bool columns = false;
  /// Where a row begins.
  const T* row(std::size_t index) const { return data + static_cast<std::ptrdiff_t>(index) * row_stride; }
};

namespace walk {

/// Which of a node's two names of its feature a walk reads, and whether columns lie side by side.
template <bool kColumns, bool kUnit>
struct Reader {
  template <class T>
  static T read(const T* row, const ShallowNode<T>& node, std::ptrdiff_t stride) {
    const auto at = static_cast<std::ptrdiff_t>(kColumns ? node.column : node.feature);
    return row[kUnit ? at : at * stride];
  }
};

/// One row through up to kLanes complete trees of one depth.
template <class R, class T>
inline void shallow_row(const ShallowNode<T>* nodes, std::int32_t depth, std::size_t count, const T* row,
                        std::ptrdiff_t stride, Ends& ends) {
  const std::size_t size = std::size_t{1} << depth;
  std::array<const ShallowNode<T>*, kLanes> tree;
  std::array<std::size_t, kLanes> at;
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kLanes; ++k) {
    tree[k] = nodes + (k < count ? k : 0) * size;
    at[k] = 1;
  }
  for (std::int32_t level = 0; level < depth; ++level) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kLanes; ++k) {
      const ShallowNode<T>& node = tree[k][at[k]];
      at[k] = 2 * at[k] + static_cast<std::size_t>(!(R::read(row, node, stride) <= node.threshold));
    }
  }
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kLanes; ++k) ends[k] = static_cast<std::uint32_t>(at[k] - size);
}

/// kLanes rows through one complete tree.
template <class R, class T>
inline void shallow_rows(const ShallowNode<T>* nodes, std::int32_t depth, const T* rows,
                         const WalkRows<T>& strides, Ends& ends) {
  const std::size_t size = std::size_t{1} << depth;
  std::array<const T*, kLanes> row;
  std::array<std::size_t, kLanes> at;
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kLanes; ++k) {
    row[k] = rows + static_cast<std::ptrdiff_t>(k) * strides.row_stride;
    at[k] = 1;
  }
  for (std::int32_t level = 0; level < depth; ++level) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kLanes; ++k) {
      const ShallowNode<T>& node = nodes[at[k]];
      at[k] = 2 * at[k] +
              static_cast<std::size_t>(!(R::read(row[k], node, strides.column_stride) <= node.threshold));
    }
  }
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kLanes; ++k) ends[k] = static_cast<std::uint32_t>(at[k] - size);
}

/// One step in a deep tree; a leaf steps onto itself.
template <class T, class S>
inline std::uint32_t deep_step(const Layout<T, S>& layout, std::uint32_t at, const T* row,
                               std::ptrdiff_t stride) {
  const DeepNode<T>& node = layout.deep[at];
  const T value = row[static_cast<std::ptrdiff_t>(node.feature & ~(kNanLeft | kSpecial)) * stride];
  if (node.feature & kSpecial) [[unlikely]]
    return layout.special_child(at, value);
  // Without a jump, which would be guessed wrong half of the time.
  const auto beyond = static_cast<std::uint32_t>(!(value <= node.threshold));
  const auto number = static_cast<std::uint32_t>(value == value);
  return node.left + (beyond & (number | ~(node.feature / kNanLeft)));
}

/// All lanes until none moves. Lane k reads rows + k * row_stride and starts in `ends`[k].
template <class T, class S>
inline void deep(const Layout<T, S>& layout, const T* rows, std::ptrdiff_t row_stride, std::ptrdiff_t stride,
                 Ends& ends) {
  for (std::uint32_t moved = 1; moved != 0;) {
    moved = 0;
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kLanes; ++k) {
      const std::uint32_t next =
          deep_step(layout, ends[k], rows + static_cast<std::ptrdiff_t>(k) * row_stride, stride);
      moved |= next ^ ends[k];
      ends[k] = next;
    }
  }
}

}  // namespace walk
}  // namespace amas::engines::forest
