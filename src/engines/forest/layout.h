#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "engines/forest/compiled.h"
#include "engines/forest/shallow_node.h"
#include "engines/forest/threshold.h"

namespace amas::engines::forest {

/// How many trees of a row, or rows of a tree, are walked side by side: enough to hide the latency of a step.
inline constexpr std::size_t kLanes = 8;
/// Trees of at most this many levels may be completed.
inline constexpr std::int32_t kShallowDepthMax = 8;

/// A node of any tree. Its right child stands behind the left one; a leaf is its own left child, and
/// everything goes left there.
template <class T>
struct DeepNode {
  T threshold = 0;
  std::uint32_t feature = 0;  ///< with kNanLeft and kSpecial
  std::uint32_t left = 0;
};
inline constexpr std::uint32_t kNanLeft = 1U << 31;
inline constexpr std::uint32_t kSpecial = 1U << 30;

/// The members of a categorical split: a bit for each whole number that is small enough, else a sorted list.
struct Members {
  std::vector<std::uint64_t> bits{};
  std::vector<double> sorted{};
  /// Whether `value` is one of them.
  bool holds(double value) const;
};

/// A feature together with what a missing value in it means, so that a row with missing values is rewritten
/// once and then walked as if it had none.
struct Column {
  std::uint32_t feature = 0;
  bool nan_left = false;  ///< missing becomes -infinity, else NaN
  bool zero_like_nan = false;
  bool operator==(const Column&) const = default;
};

/// Up to kLanes trees that follow each other and are walked together.
struct Unit {
  std::uint32_t first = 0, count = 0;  ///< trees
  std::int32_t depth = 0;              ///< of complete trees; -1: deep
  std::size_t nodes_at = 0;            ///< of complete trees: into Layout::shallow, 2^depth a tree
  std::size_t leaves_at = 0;           ///< of complete trees: into Layout::leaves, 2^depth a tree
};

/// A forest as it lies in memory. S: the forest's number type.
template <class T, class S>
struct Layout {
  std::int32_t features = 0, targets = 1;
  Number number = Number::kFloat32;
  Aggregate aggregate = Aggregate::kSum;
  S divisor = 1;
  std::vector<S> base{};
  BaseOrder base_order = BaseOrder::kLast;

  std::vector<Unit> units{};
  std::vector<ShallowNode<T>> shallow{};
  std::vector<DeepNode<T>> deep{};
  std::vector<std::uint32_t> deep_roots{};  ///< a node in `deep` for each tree (unused by complete trees)
  std::vector<std::uint32_t> special{};     ///< for each node of `deep` with kSpecial: into `asked`; else 0
  std::vector<Node> asked{};                ///< the special nodes as they were
  std::vector<Members> sets{};
  std::vector<Column> columns{};
  bool nan_moves = false, zero_moves = false;  ///< some column reads a missing value in its own way

  /// Each leaf's only vote (its place in `leaves`, or that of its node in `deep`) and each tree's only
  /// target; empty `votes`. Or, when a tree has other leaves: the leaf's votes are votes[leaf_votes[leaf],
  /// …[leaf].end).
  bool one_vote = true;
  std::vector<std::uint32_t> tree_target{};
  std::vector<S> leaves{}, deep_leaves{};
  /// A range of `votes`.
  struct VoteRange {
    std::uint32_t begin = 0, end = 0;
  };
  std::vector<VoteRange> leaf_votes{}, deep_leaf_votes{};
  std::vector<Vote> votes{};

  /// Where a special node sends a row with this feature.
  std::uint32_t special_child(std::uint32_t node, T value) const;
  /// Bytes of all of it.
  std::size_t memory_bytes() const;
};

/// Lays out a valid forest of fewer than 2^30 nodes, which no file within the readers' limits has.
template <class T, class S>
Layout<T, S> lay_out(const Forest& forest);

}  // namespace amas::engines::forest
