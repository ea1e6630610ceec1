#include "engines/forest/forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace amas::engines::forest {
namespace {

bool inside(std::int64_t index, std::size_t size) {
  return index >= 0 && static_cast<std::size_t>(index) < size;
}

bool is_member_test(Condition test) {
  return test == Condition::kMember || test == Condition::kMemberFloor || test == Condition::kMemberTruncated;
}

Error bad_node(std::size_t node, std::string_view what) {
  return invalid_argument(fmt::format("tree ensemble has a bad node: node {}: {}", node, what));
}

Status check_leaf(const Forest& forest, std::size_t index) {
  const Node& leaf = forest.nodes[index];
  const auto votes = static_cast<std::int64_t>(forest.votes.size());
  if (leaf.yes < 0 || leaf.no < leaf.yes || leaf.no > votes)
    return bad_node(index, "its votes lie outside the list");
  return {};
}

Status check_node(const Forest& forest, std::size_t index) {
  const Node& node = forest.nodes[index];
  if (node.test == Condition::kLeaf) return check_leaf(forest, index);
  if (!inside(node.feature, static_cast<std::size_t>(forest.features)))
    return bad_node(index, fmt::format("feature {} of {}", node.feature, forest.features));
  if (!inside(node.yes, forest.nodes.size()) || !inside(node.no, forest.nodes.size()))
    return bad_node(
        index, fmt::format("a child is outside: {} or {} of {}", node.yes, node.no, forest.nodes.size()));
  if (is_member_test(node.test)) {
    if (!inside(node.set, forest.sets.size())) return bad_node(index, "its set is missing");
  } else if (std::isnan(node.threshold)) {
    return bad_node(index, "its threshold is not a number");
  }
  if (forest.number == Number::kFloat32 &&
      (node.missing == Missing::kZeroNo || node.missing == Missing::kZeroYes))
    return bad_node(index, "zero stands for missing values only in forests of float64");
  return {};
}

Status check_numbers(const Forest& forest) {
  if (forest.features < 0 || forest.targets < 1)
    return invalid_argument(fmt::format("tree ensemble needs at least one target: {} features, {} targets",
                                        forest.features, forest.targets));
  if (!forest.base.empty() && forest.base.size() != static_cast<std::size_t>(forest.targets))
    return invalid_argument(
        fmt::format("tree ensemble has {} base values for {} targets", forest.base.size(), forest.targets));
  for (const Vote& vote : forest.votes)
    if (!inside(vote.target, static_cast<std::size_t>(forest.targets)))
      return invalid_argument(
          fmt::format("tree ensemble has a leaf for target {} of {}", vote.target, forest.targets));
  for (const auto& set : forest.sets)
    if (!std::ranges::all_of(set, [](double member) { return std::isfinite(member); }) ||
        std::ranges::adjacent_find(set, std::greater_equal{}) != set.end())
      return invalid_argument("tree ensemble has a set of categories that is not finite and rising");
  if (forest.aggregate == Aggregate::kAverage && !(forest.divisor > 0))
    return invalid_argument(fmt::format("tree ensemble divides its sum by {}", forest.divisor));
  return {};
}

/// Every node is reached once, so that no walk goes in circles and no two trees share a part.
Status check_reach(const Forest& forest) {
  std::vector<bool> seen(forest.nodes.size());
  std::vector<std::int32_t> open;
  for (const std::int32_t root : forest.roots) {
    if (!inside(root, forest.nodes.size()))
      return invalid_argument(fmt::format("tree ensemble has a root outside its nodes: {}", root));
    open.push_back(root);
    while (!open.empty()) {
      const auto at = static_cast<std::size_t>(open.back());
      open.pop_back();
      if (seen[at]) return bad_node(at, "it is reached twice: a cycle, or trees that share a part");
      seen[at] = true;
      const Node& node = forest.nodes[at];
      if (node.test == Condition::kLeaf) continue;
      open.push_back(node.no);
      open.push_back(node.yes);
    }
  }
  const auto lost = std::ranges::find(seen, false);
  if (lost != seen.end())
    return bad_node(static_cast<std::size_t>(lost - seen.begin()), "no root reaches it");
  return {};
}

}  // namespace

Status validate(const Forest& forest) {
  AMAS_CHECK(check_numbers(forest));
  for (std::size_t i = 0; i < forest.nodes.size(); ++i) AMAS_CHECK(check_node(forest, i));
  return check_reach(forest);
}

std::vector<std::int32_t> depths(const Forest& forest) {
  struct Place {
    std::int32_t node, depth;
  };
  std::vector<std::int32_t> all;
  std::vector<Place> open;
  for (const std::int32_t root : forest.roots) {
    std::int32_t deepest = 0;
    open.push_back({root, 0});
    while (!open.empty()) {
      const auto [at, depth] = open.back();
      open.pop_back();
      deepest = std::max(deepest, depth);
      const Node& node = forest.nodes[static_cast<std::size_t>(at)];
      if (node.test == Condition::kLeaf) continue;
      open.push_back({node.no, depth + 1});
      open.push_back({node.yes, depth + 1});
    }
    all.push_back(deepest);
  }
  return all;
}

}  // namespace amas::engines::forest
