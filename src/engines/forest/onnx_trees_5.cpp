#include "engines/forest/onnx_trees_5.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/onnx_graph.h"

namespace amas::engines::forest {
namespace {

constexpr std::uint8_t kModeMember = 6;

/// The attributes; one entry a node, and one a leaf.
struct Lists {
  std::vector<std::int64_t> feature, yes, no, yes_leaf, no_leaf, missing_yes, roots, leaf_target;
  std::vector<std::uint8_t> mode;
  std::vector<double> threshold, members, leaf_weight;
};

Result<std::vector<std::uint8_t>> read_modes(const onnx::NodeProto& node) {
  const auto* modes = model::find_attribute(node, "nodes_modes");
  if (modes == nullptr || !modes->has_t()) return invalid_argument("TreeEnsemble has no nodes_modes");
  return model::read_constant<std::uint8_t>(modes->t());
}

Status check_known(const onnx::NodeProto& node) {
  constexpr std::array<std::string_view, 15> kKnown{"aggregate_function", "leaf_targetids",
                                                    "leaf_weights",       "membership_values",
                                                    "n_targets",          "nodes_falseleafs",
                                                    "nodes_falsenodeids", "nodes_featureids",
                                                    "nodes_hitrates",     "nodes_missing_value_tracks_true",
                                                    "nodes_modes",        "nodes_splits",
                                                    "nodes_trueleafs",    "nodes_truenodeids",
                                                    "post_transform"};
  for (const auto& attribute : node.attribute())
    if (attribute.name() != "tree_roots" && std::ranges::count(kKnown, attribute.name()) == 0)
      return unimplemented("TreeEnsemble has an attribute that is not known: " + attribute.name());
  return {};
}

Result<Lists> read_lists(const onnx::NodeProto& node, Number number) {
  Lists lists;
  AMAS_TRY(lists.mode, read_modes(node));
  AMAS_TRY(lists.feature, model::ints_attribute(node, "nodes_featureids"));
  AMAS_TRY(lists.yes, model::ints_attribute(node, "nodes_truenodeids"));
  AMAS_TRY(lists.no, model::ints_attribute(node, "nodes_falsenodeids"));
  AMAS_TRY(lists.yes_leaf, model::ints_attribute(node, "nodes_trueleafs"));
  AMAS_TRY(lists.no_leaf, model::ints_attribute(node, "nodes_falseleafs"));
  AMAS_TRY(lists.missing_yes, model::ints_attribute(node, "nodes_missing_value_tracks_true"));
  AMAS_TRY(lists.roots, model::ints_attribute(node, "tree_roots"));
  AMAS_TRY(lists.leaf_target, model::ints_attribute(node, "leaf_targetids"));
  AMAS_TRY(lists.threshold, tensor_numbers(node, "nodes_splits", number));
  AMAS_TRY(lists.members, tensor_numbers(node, "membership_values", number));
  AMAS_TRY(lists.leaf_weight, tensor_numbers(node, "leaf_weights", number));
  const std::size_t nodes = lists.mode.size();
  const bool right = lists.feature.size() == nodes && lists.yes.size() == nodes && lists.no.size() == nodes &&
                     lists.yes_leaf.size() == nodes && lists.no_leaf.size() == nodes &&
                     lists.threshold.size() == nodes &&
                     (lists.missing_yes.empty() || lists.missing_yes.size() == nodes) &&
                     lists.leaf_target.size() == lists.leaf_weight.size();
  if (nodes == 0) return unimplemented("TreeEnsemble has no nodes");
  if (!right)
    return invalid_argument(
        fmt::format("TreeEnsemble has lists of different lengths; nodes_modes has {}", nodes));
  return lists;
}

/// A child: a node, or a leaf, which stand behind the nodes.
Result<std::int32_t> child(const Lists& lists, std::int64_t index, std::int64_t is_leaf) {
  const std::size_t count = is_leaf != 0 ? lists.leaf_weight.size() : lists.mode.size();
  if (index < 0 || static_cast<std::size_t>(index) >= count || (is_leaf != 0 && is_leaf != 1))
    return unimplemented(fmt::format("TreeEnsemble lacks a child: {} of {}", index, count));
  return static_cast<std::int32_t>(index) + (is_leaf != 0 ? static_cast<std::int32_t>(lists.mode.size()) : 0);
}

/// Takes the members of the next node that has some; a NaN ends them.
std::vector<double> next_members(const std::vector<double>& all, std::size_t& at) {
  std::vector<double> members;
  for (; at < all.size() && !std::isnan(all[at]); ++at) members.push_back(all[at]);
  ++at;
  std::ranges::sort(members);
  const auto twice = std::ranges::unique(members);
  members.erase(twice.begin(), twice.end());
  return members;
}

/// How ONNX Runtime asks for these members: it knows whole numbers only, and large sets or numbers make it
/// round the value towards zero first.
Result<Condition> member_condition(const std::vector<double>& members) {
  constexpr double kLargest = std::numeric_limits<std::int32_t>::max();
  constexpr double kSmallSet = 30;
  if (members.empty()) return unimplemented("TreeEnsemble has a node without members");
  for (const double member : members)
    if (member != std::floor(member) || std::abs(member) > kLargest)
      return unimplemented(fmt::format("TreeEnsemble has a member that is no whole number: {}", member));
  const bool small = members.size() <= static_cast<std::size_t>(kSmallSet) && members.front() >= 0 &&
                     members.back() <= kSmallSet;
  return small ? Condition::kMember : Condition::kMemberTruncated;
}

Status add_nodes(const Lists& lists, Forest& forest) {
  constexpr std::array kConditions{Condition::kLessEqual, Condition::kLess,  Condition::kGreaterEqual,
                                   Condition::kGreater,   Condition::kEqual, Condition::kNotEqual,
                                   Condition::kMember};
  static_assert(kConditions[kModeMember] == Condition::kMember);
  std::size_t member = 0;
  for (std::size_t i = 0; i < lists.mode.size(); ++i) {
    if (lists.mode[i] >= kConditions.size())
      return unimplemented(fmt::format("TreeEnsemble has a node mode that is not known: {}", lists.mode[i]));
    Node node{.test = kConditions[lists.mode[i]]};
    AMAS_TRY(node.yes, child(lists, lists.yes[i], lists.yes_leaf[i]));
    AMAS_TRY(node.no, child(lists, lists.no[i], lists.no_leaf[i]));
    if (!is_feature(lists.feature[i]))
      return unimplemented(fmt::format("TreeEnsemble asks for feature {}", lists.feature[i]));
    node.feature = static_cast<std::int32_t>(lists.feature[i]);
    node.threshold = lists.threshold[i];
    const bool yes = !lists.missing_yes.empty() && lists.missing_yes[i] == 1;
    node.missing = yes || node.test == Condition::kNotEqual ? Missing::kNanYes : Missing::kNanNo;
    if (node.test == Condition::kMember) {
      node.set = static_cast<std::int32_t>(forest.sets.size());
      forest.sets.push_back(next_members(lists.members, member));
      AMAS_TRY(node.test, member_condition(forest.sets.back()));
    }
    forest.nodes.push_back(node);
  }
  return {};
}

Status add_leaves(const Lists& lists, Forest& forest) {
  for (std::size_t i = 0; i < lists.leaf_weight.size(); ++i) {
    const std::int64_t target = lists.leaf_target[i];
    if (target < 0 || target >= forest.targets)
      return unimplemented(
          fmt::format("TreeEnsemble has a leaf for target {} of {}", target, forest.targets));
    forest.votes.push_back({static_cast<std::int32_t>(target), lists.leaf_weight[i]});
    forest.nodes.push_back({.yes = static_cast<std::int32_t>(i), .no = static_cast<std::int32_t>(i) + 1});
  }
  for (const std::int64_t root : lists.roots) {
    AMAS_TRY(const std::int32_t at, child(lists, root, 0));
    const Node& node = forest.nodes[static_cast<std::size_t>(at)];
    if (node.yes == node.no) return unimplemented("TreeEnsemble has a tree of one leaf");
    forest.roots.push_back(at);
  }
  if (forest.roots.empty()) return unimplemented("TreeEnsemble has no trees");
  return {};
}

}  // namespace

Result<TreeOperator> read_tree_ensemble_5(const onnx::NodeProto& node, Number number) {
  constexpr std::array kAggregates{Aggregate::kAverage, Aggregate::kSum, Aggregate::kMin, Aggregate::kMax};
  constexpr std::array kLinks{Link::kIdentity, Link::kLogistic, Link::kSoftmax, Link::kSoftmaxZero,
                              Link::kProbit};
  AMAS_CHECK(check_known(node));
  AMAS_TRY(const Lists lists, read_lists(node, number));
  const std::int64_t targets = model::int_attribute(node, "n_targets", 0);
  const std::int64_t aggregate = model::int_attribute(node, "aggregate_function", 1);
  const std::int64_t link = model::int_attribute(node, "post_transform", 0);
  if (!is_target_count(targets) || aggregate < 0 || aggregate >= std::ssize(kAggregates) || link < 0 ||
      link >= std::ssize(kLinks))
    return unimplemented(fmt::format("TreeEnsemble has {} targets, aggregate_function {}, post_transform {}",
                                     targets, aggregate, link));
  TreeOperator out;
  out.forest.number = number;
  out.forest.targets = static_cast<std::int32_t>(targets);
  out.forest.aggregate = kAggregates[static_cast<std::size_t>(aggregate)];
  out.forest.link = kLinks[static_cast<std::size_t>(link)];
  AMAS_CHECK(add_nodes(lists, out.forest));
  AMAS_CHECK(add_leaves(lists, out.forest));
  AMAS_CHECK(finish_operator(out));
  return out;
}

}  // namespace amas::engines::forest
