#include "engines/forest/layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace amas::engines::forest {
namespace {

constexpr double kBitsMax = 1 << 16;        // of a set that is kept as bits
constexpr std::int32_t kShallowAlways = 6;  // levels; deeper trees are completed when they are full enough
constexpr std::size_t kWasteMax = 4;        // times the nodes of the tree
constexpr std::int32_t kDepthSpreadMax = 2;
constexpr std::size_t kColumnsMax = 60'000;  // before one more tree, of at most 255 nodes

Members members_of(const std::vector<double>& set) {
  Members members;
  const bool small = std::ranges::all_of(
      set, [](double member) { return member >= 0 && member < kBitsMax && member == std::floor(member); });
  if (!small) {
    members.sorted = set;
    return members;
  }
  for (const double member : set) {
    const auto bit = static_cast<std::size_t>(member);
    if (members.bits.size() <= bit / 64) members.bits.resize(bit / 64 + 1);
    members.bits[bit / 64] |= std::uint64_t{1} << (bit % 64);
  }
  return members;
}

template <class T, class S>
class Builder {
 public:
  explicit Builder(const Forest& forest) : forest_(forest) {}
  Layout<T, S> build();

 private:
  const Node& node(std::int32_t index) const { return forest_.nodes[static_cast<std::size_t>(index)]; }
  bool fits_shallow(std::int32_t root, std::int32_t depth) const;
  bool may_be_column(const Node& node) const;
  std::uint16_t column_of(const Node& node, const Decision<T>& decision);
  bool has_one_vote_a_leaf();
  void add_shallow(std::size_t begin, std::size_t end, std::int32_t depth);
  void complete(std::int32_t root, std::size_t nodes_at, std::size_t leaves_at, std::int32_t depth);
  void fill_leaves(const Node& leaf, std::size_t begin, std::size_t end);
  void add_deep(std::size_t tree);
  void add_deep_node(std::uint32_t at, const Node& node);

  const Forest& forest_;
  Layout<T, S> out_{};
  std::map<std::array<std::uint32_t, 3>, std::uint16_t> column_index_{};
};

/// Inequalities whose threshold can be met, on features that a shallow node can name.
template <class T, class S>
bool Builder<T, S>::may_be_column(const Node& asked) const {
  if (asked.test == Condition::kLeaf) return true;
  if (!is_inequality(asked.test) || asked.feature > std::numeric_limits<std::uint16_t>::max()) return false;
  return !std::isnan(decision_of<T>(asked, forest_.number).threshold);
}

template <class T, class S>
bool Builder<T, S>::fits_shallow(std::int32_t root, std::int32_t depth) const {
  if (depth > kShallowDepthMax || column_index_.size() > kColumnsMax) return false;
  std::size_t nodes = 0;
  std::vector<std::int32_t> open{root};
  while (!open.empty()) {
    const Node& at = node(open.back());
    open.pop_back();
    if (!may_be_column(at)) return false;
    ++nodes;
    if (at.test == Condition::kLeaf) continue;
    open.push_back(at.no);
    open.push_back(at.yes);
  }
  return depth <= kShallowAlways || (std::size_t{2} << depth) <= kWasteMax * nodes;
}

template <class T, class S>
std::uint16_t Builder<T, S>::column_of(const Node& asked, const Decision<T>& decision) {
  const Column column{static_cast<std::uint32_t>(asked.feature), decision.nan_left, decision.zero_like_nan};
  const auto [at, added] =
      column_index_.try_emplace({column.feature, column.nan_left ? 1U : 0U, column.zero_like_nan ? 1U : 0U},
                                static_cast<std::uint16_t>(out_.columns.size()));
  if (added) {
    out_.columns.push_back(column);
    out_.nan_moves |= column.nan_left;
    out_.zero_moves |= column.zero_like_nan;
  }
  return at->second;
}

/// Whether each leaf has one vote and all leaves of a tree vote for one target; fills tree_target.
template <class T, class S>
bool Builder<T, S>::has_one_vote_a_leaf() {
  if (forest_.aggregate == Aggregate::kMin || forest_.aggregate == Aggregate::kMax) return false;
  std::vector<std::int32_t> open;
  for (const std::int32_t root : forest_.roots) {
    std::int32_t target = -1;
    open.push_back(root);
    while (!open.empty()) {
      const Node& at = node(open.back());
      open.pop_back();
      if (at.test != Condition::kLeaf) {
        open.push_back(at.no);
        open.push_back(at.yes);
        continue;
      }
      if (at.no - at.yes != 1) return false;
      const std::int32_t voted = forest_.votes[static_cast<std::size_t>(at.yes)].target;
      if (target >= 0 && voted != target) return false;
      target = voted;
    }
    out_.tree_target.push_back(static_cast<std::uint32_t>(target));
  }
  return true;
}

template <class T, class S>
void Builder<T, S>::fill_leaves(const Node& leaf, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) {
    if (out_.one_vote)
      out_.leaves[i] = static_cast<S>(forest_.votes[static_cast<std::size_t>(leaf.yes)].weight);
    else out_.leaf_votes[i] = {static_cast<std::uint32_t>(leaf.yes), static_cast<std::uint32_t>(leaf.no)};
  }
}

/// Below a leaf that stands higher than `depth` every node decides anything, and all leaves are that leaf.
template <class T, class S>
void Builder<T, S>::complete(std::int32_t root, std::size_t nodes_at, std::size_t leaves_at,
                             std::int32_t depth) {
  struct Place {
    std::int32_t node;
    std::size_t at;  // 1 is the root
    std::int32_t level;
  };
  std::vector<Place> open{{root, 1, 0}};
  while (!open.empty()) {
    const auto [index, at, level] = open.back();
    open.pop_back();
    const Node& asked = node(index);
    if (asked.test == Condition::kLeaf) {
      const std::size_t first = (at << (depth - level)) - (std::size_t{1} << depth);
      fill_leaves(asked, leaves_at + first, leaves_at + first + (std::size_t{1} << (depth - level)));
      continue;
    }
    const auto decision = decision_of<T>(asked, forest_.number);
    out_.shallow[nodes_at + at] = {decision.threshold, static_cast<std::uint16_t>(asked.feature),
                                   column_of(asked, decision)};
    open.push_back({decision.left, 2 * at, level + 1});
    open.push_back({decision.right, 2 * at + 1, level + 1});
  }
}

template <class T, class S>
void Builder<T, S>::add_shallow(std::size_t begin, std::size_t end, std::int32_t depth) {
  const std::size_t size = std::size_t{1} << depth;
  Unit unit{static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin), depth,
            out_.shallow.size(), out_.one_vote ? out_.leaves.size() : out_.leaf_votes.size()};
  // Lanes without a tree walk the first one again; nobody reads where they end.
  out_.shallow.resize(unit.nodes_at + size * unit.count);
  if (out_.one_vote) out_.leaves.resize(unit.leaves_at + size * unit.count);
  else out_.leaf_votes.resize(unit.leaves_at + size * unit.count);
  for (std::size_t tree = begin; tree < end; ++tree)
    complete(forest_.roots[tree], unit.nodes_at + (tree - begin) * size,
             unit.leaves_at + (tree - begin) * size, depth);
  out_.units.push_back(unit);
}

template <class T, class S>
void Builder<T, S>::add_deep_node(std::uint32_t at, const Node& asked) {
  DeepNode<T>& deep = out_.deep[at];
  if (asked.test == Condition::kLeaf) {
    deep = {std::numeric_limits<T>::infinity(), kNanLeft, at};
    if (out_.one_vote)
      out_.deep_leaves[at] = static_cast<S>(forest_.votes[static_cast<std::size_t>(asked.yes)].weight);
    else
      out_.deep_leaf_votes[at] = {static_cast<std::uint32_t>(asked.yes),
                                  static_cast<std::uint32_t>(asked.no)};
    return;
  }
  deep.feature = static_cast<std::uint32_t>(asked.feature);
  bool plain = is_inequality(asked.test);
  if (plain) {
    const auto decision = decision_of<T>(asked, forest_.number);
    plain = !decision.zero_like_nan && !std::isnan(decision.threshold);
    deep.threshold = decision.threshold;
    if (decision.nan_left) deep.feature |= kNanLeft;
  }
  if (plain) return;
  deep.feature = static_cast<std::uint32_t>(asked.feature) | kSpecial;
  out_.special.resize(std::max<std::size_t>(out_.special.size(), at + 1));
  out_.special[at] = static_cast<std::uint32_t>(out_.asked.size());
  out_.asked.push_back(asked);
}

/// Pairs of children in the order of a walk that always goes left first, so that short ways lie close
/// together.
template <class T, class S>
void Builder<T, S>::add_deep(std::size_t tree) {
  const auto room_for = [&](std::size_t nodes) {
    const std::size_t first = out_.deep.size();
    out_.deep.resize(first + nodes);
    if (out_.one_vote) out_.deep_leaves.resize(first + nodes);
    else out_.deep_leaf_votes.resize(first + nodes);
    return static_cast<std::uint32_t>(first);
  };
  struct Place {
    std::int32_t node;
    std::uint32_t at;
  };
  out_.deep_roots[tree] = room_for(1);
  std::vector<Place> open{{forest_.roots[tree], out_.deep_roots[tree]}};
  while (!open.empty()) {
    const auto [index, at] = open.back();
    open.pop_back();
    const Node& asked = node(index);
    add_deep_node(at, asked);
    if (asked.test == Condition::kLeaf) continue;
    const bool special = (out_.deep[at].feature & kSpecial) != 0;
    const bool yes_left = special || asked.test == Condition::kLess || asked.test == Condition::kLessEqual;
    const std::uint32_t left = room_for(2);
    out_.deep[at].left = left;
    open.push_back({yes_left ? asked.no : asked.yes, left + 1});
    open.push_back({yes_left ? asked.yes : asked.no, left});
  }
}

template <class T, class S>
Layout<T, S> Builder<T, S>::build() {
  out_.features = forest_.features;
  out_.targets = forest_.targets;
  out_.number = forest_.number;
  out_.aggregate = forest_.aggregate;
  out_.divisor = static_cast<S>(forest_.divisor);
  out_.base.assign(forest_.base.begin(), forest_.base.end());
  out_.base_order = forest_.base_order;
  for (const auto& set : forest_.sets) out_.sets.push_back(members_of(set));
  out_.one_vote = has_one_vote_a_leaf();
  if (!out_.one_vote) out_.votes = forest_.votes;
  out_.deep_roots.resize(forest_.roots.size());
  const auto depth = depths(forest_);
  std::vector<bool> shallow;
  for (std::size_t tree = 0; tree < depth.size(); ++tree)
    shallow.push_back(fits_shallow(forest_.roots[tree], depth[tree]));
  for (std::size_t begin = 0, end = 0; begin < depth.size(); begin = end) {
    std::int32_t low = depth[begin], high = low;
    for (end = begin; end < depth.size() && end - begin < kLanes && shallow[end] == shallow[begin]; ++end) {
      if (shallow[begin] && std::max(high, depth[end]) - std::min(low, depth[end]) > kDepthSpreadMax) break;
      low = std::min(low, depth[end]);
      high = std::max(high, depth[end]);
    }
    if (shallow[begin]) {
      add_shallow(begin, end, high);
    } else {
      out_.units.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end - begin), -1});
      for (std::size_t tree = begin; tree < end; ++tree) add_deep(tree);
    }
  }
  return std::move(out_);
}

/// The value as the forest's library sees it.
template <class T>
double as_asked(T value, Number number) {
  return number == Number::kFloat32 ? static_cast<double>(static_cast<float>(value))
                                    : static_cast<double>(value);
}

bool holds(const Node& node, double value, const std::vector<Members>& sets) {
  switch (node.test) {
    case Condition::kLess:
      return value < node.threshold;
    case Condition::kLessEqual:
      return value <= node.threshold;
    case Condition::kGreater:
      return value > node.threshold;
    case Condition::kGreaterEqual:
      return value >= node.threshold;
    case Condition::kEqual:
      return value == node.threshold;
    case Condition::kNotEqual:
      return value != node.threshold;
    case Condition::kMember:
      return sets[static_cast<std::size_t>(node.set)].holds(value);
    case Condition::kMemberFloor:
      return sets[static_cast<std::size_t>(node.set)].holds(std::floor(value));
    case Condition::kMemberTruncated:
      return sets[static_cast<std::size_t>(node.set)].holds(std::trunc(value));
    case Condition::kLeaf:
      break;
  }
  return false;
}

}  // namespace

bool Members::holds(double value) const {
  if (!sorted.empty()) return std::ranges::binary_search(sorted, value);
  if (!(value >= 0 && value < static_cast<double>(bits.size() * 64))) return false;
  const auto bit = static_cast<std::size_t>(value);
  return static_cast<double>(bit) == value && ((bits[bit / 64] >> (bit % 64)) & 1) != 0;
}

template <class T, class S>
std::uint32_t Layout<T, S>::special_child(std::uint32_t at, T value) const {
  const Node& node = asked[special[at]];
  const double seen = as_asked(value, number);
  const bool zero_like_nan = node.missing == Missing::kZeroNo || node.missing == Missing::kZeroYes;
  const bool missing = std::isnan(seen) || (zero_like_nan && std::abs(seen) <= kZeroThreshold);
  const bool yes = missing ? node.missing == Missing::kNanYes || node.missing == Missing::kZeroYes
                           : holds(node, seen, sets);
  return deep[at].left + (yes ? 0 : 1);
}

template <class T, class S>
std::size_t Layout<T, S>::memory_bytes() const {
  const auto bytes = [](const auto& list) {
    return list.capacity() * sizeof(typename std::decay_t<decltype(list)>::value_type);
  };
  std::size_t total = sizeof(*this) + bytes(base) + bytes(units) + bytes(shallow) + bytes(deep) +
                      bytes(deep_roots) + bytes(special) + bytes(asked) + bytes(sets) + bytes(columns) +
                      bytes(tree_target) + bytes(leaves) + bytes(deep_leaves) + bytes(leaf_votes) +
                      bytes(deep_leaf_votes) + bytes(votes);
  for (const Members& set : sets) total += bytes(set.bits) + bytes(set.sorted);
  return total;
}

template <class T, class S>
Layout<T, S> lay_out(const Forest& forest) {
  return Builder<T, S>(forest).build();
}

#define AMAS_INSTANTIATE(T, S)  \
  template struct Layout<T, S>; \
  template Layout<T, S> lay_out<T, S>(const Forest&);
AMAS_INSTANTIATE(float, float)
AMAS_INSTANTIATE(float, double)
AMAS_INSTANTIATE(double, float)
AMAS_INSTANTIATE(double, double)
#undef AMAS_INSTANTIATE

}  // namespace amas::engines::forest
