#include "engines/forest/onnx_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/limits.h"
#include "engines/forest/onnx_trees_5.h"
#include "model/onnx_graph.h"

namespace amas::engines::forest {
namespace {

using model::find_attribute;

/// The attributes of a classifier or regressor, as lists of one length a group.
struct Lists {
  std::vector<std::int64_t> tree, node, feature, yes, no, missing_yes;
  std::vector<std::string> mode;
  std::vector<double> threshold;
  std::vector<std::int64_t> leaf_tree, leaf_node, leaf_target;
  std::vector<double> leaf_weight;
};

/// A node's place in the lists.
struct NodeKey {
  std::int64_t tree, node;
  std::size_t index;
  auto operator<=>(const NodeKey&) const = default;
};

constexpr std::array<std::string_view, 24> kKnownAttributes{"aggregate_function",
                                                            "base_values",
                                                            "base_values_as_tensor",
                                                            "n_targets",
                                                            "nodes_falsenodeids",
                                                            "nodes_featureids",
                                                            "nodes_hitrates",
                                                            "nodes_hitrates_as_tensor",
                                                            "nodes_missing_value_tracks_true",
                                                            "nodes_modes",
                                                            "nodes_nodeids",
                                                            "nodes_treeids",
                                                            "nodes_truenodeids",
                                                            "nodes_values",
                                                            "nodes_values_as_tensor",
                                                            "post_transform",
                                                            "class_ids",
                                                            "class_nodeids",
                                                            "class_treeids",
                                                            "class_weights",
                                                            "class_weights_as_tensor",
                                                            "classlabels_int64s",
                                                            "classlabels_strings",
                                                            ""};

Status check_known(const onnx::NodeProto& node, bool classifier, std::int64_t version) {
  for (const auto& attribute : node.attribute()) {
    const bool target = attribute.name().starts_with("target_") && !classifier;
    const bool known = std::ranges::count(kKnownAttributes, attribute.name()) > 0;
    if (!known && !target)
      return unimplemented(
          fmt::format("{} has an attribute that is not known: {}", node.op_type(), attribute.name()));
    if (version < 3 && attribute.name().ends_with("_as_tensor"))
      return unimplemented(
          fmt::format("{} has an attribute of a later opset: {}", node.op_type(), attribute.name()));
  }
  return {};
}

/// NAME as floats, or NAME_as_tensor in the number type of the rows.
Result<std::vector<double>> numbers(const onnx::NodeProto& node, std::string_view name, Number number) {
  AMAS_TRY(const auto floats, model::floats_attribute(node, name));
  AMAS_TRY(auto wide, tensor_numbers(node, std::string(name) + "_as_tensor", number));
  if (!floats.empty() && !wide.empty())
    return unimplemented(fmt::format("{} has {} twice", node.op_type(), name));
  if (!floats.empty()) wide.assign(floats.begin(), floats.end());
  return wide;
}

Status check_lengths(const onnx::NodeProto& node, const Lists& lists) {
  const std::size_t nodes = lists.tree.size();
  if (nodes == 0) return unimplemented(fmt::format("{} has no nodes", node.op_type()));
  const bool right = lists.node.size() == nodes && lists.feature.size() == nodes &&
                     lists.yes.size() == nodes && lists.no.size() == nodes && lists.mode.size() == nodes &&
                     lists.threshold.size() == nodes &&
                     (lists.missing_yes.empty() || lists.missing_yes.size() == nodes);
  if (!right)
    return invalid_argument(
        fmt::format("{} has node lists of different lengths; nodes_treeids has {}", node.op_type(), nodes));
  const std::size_t leaves = lists.leaf_tree.size();
  if (lists.leaf_node.size() != leaves || lists.leaf_target.size() != leaves ||
      lists.leaf_weight.size() != leaves)
    return invalid_argument(
        fmt::format("{} has leaf lists of different lengths; the tree ids are {}", node.op_type(), leaves));
  return {};
}

Result<Lists> read_lists(const onnx::NodeProto& node, bool classifier, Number number) {
  const std::string leaf = classifier ? "class_" : "target_";
  Lists lists;
  AMAS_TRY(lists.tree, model::ints_attribute(node, "nodes_treeids"));
  AMAS_TRY(lists.node, model::ints_attribute(node, "nodes_nodeids"));
  AMAS_TRY(lists.feature, model::ints_attribute(node, "nodes_featureids"));
  AMAS_TRY(lists.yes, model::ints_attribute(node, "nodes_truenodeids"));
  AMAS_TRY(lists.no, model::ints_attribute(node, "nodes_falsenodeids"));
  AMAS_TRY(lists.missing_yes, model::ints_attribute(node, "nodes_missing_value_tracks_true"));
  AMAS_TRY(lists.mode, model::strings_attribute(node, "nodes_modes"));
  AMAS_TRY(lists.threshold, numbers(node, "nodes_values", number));
  AMAS_TRY(lists.leaf_tree, model::ints_attribute(node, leaf + "treeids"));
  AMAS_TRY(lists.leaf_node, model::ints_attribute(node, leaf + "nodeids"));
  AMAS_TRY(lists.leaf_target, model::ints_attribute(node, leaf + "ids"));
  AMAS_TRY(lists.leaf_weight, numbers(node, leaf + "weights", number));
  AMAS_CHECK(check_lengths(node, lists));
  return lists;
}

Result<Condition> condition_of(const std::string& mode) {
  constexpr std::array<std::pair<std::string_view, Condition>, 7> kModes{
      {{"LEAF", Condition::kLeaf},
       {"BRANCH_LEQ", Condition::kLessEqual},
       {"BRANCH_LT", Condition::kLess},
       {"BRANCH_GTE", Condition::kGreaterEqual},
       {"BRANCH_GT", Condition::kGreater},
       {"BRANCH_EQ", Condition::kEqual},
       {"BRANCH_NEQ", Condition::kNotEqual}}};
  for (const auto& [name, condition] : kModes)
    if (name == mode) return condition;
  return unimplemented("tree ensemble has a node mode that is not known: " + mode);
}

/// The node lists in rising order of tree and node, so that one can be found.
class Index {
 public:
  static Result<Index> make(const Lists& lists);
  /// Its place in the lists; -1 when there is none.
  std::int64_t find(std::int64_t tree, std::int64_t node) const {
    const auto at = std::ranges::lower_bound(keys_, NodeKey{tree, node, 0});
    return at == keys_.end() || at->tree != tree || at->node != node ? -1
                                                                     : static_cast<std::int64_t>(at->index);
  }

 private:
  std::vector<NodeKey> keys_;
};

Result<Index> Index::make(const Lists& lists) {
  Index index;
  for (std::size_t i = 0; i < lists.tree.size(); ++i)
    index.keys_.push_back({lists.tree[i], lists.node[i], i});
  std::ranges::sort(index.keys_);
  const auto same = [](const NodeKey& a, const NodeKey& b) { return a.tree == b.tree && a.node == b.node; };
  if (std::ranges::adjacent_find(index.keys_, same) != index.keys_.end())
    return unimplemented("tree ensemble has a node twice");
  return index;
}

/// A child's place, by the rules of ONNX Runtime.
Result<std::int32_t> child(const Lists& lists, const Index& index, std::size_t parent, std::int64_t node) {
  const std::int64_t at = node < 0 || node >= static_cast<std::int64_t>(lists.tree.size())
                              ? -1
                              : index.find(lists.tree[parent], node);
  if (at < 0)
    return unimplemented(fmt::format("tree ensemble lacks a child: node {} of tree {} for node {}", node,
                                     lists.tree[parent], lists.node[parent]));
  return static_cast<std::int32_t>(at);
}

Status add_nodes(const Lists& lists, const Index& index, Forest& forest) {
  std::set<std::int64_t> trees;
  for (std::size_t i = 0; i < lists.tree.size(); ++i) {
    AMAS_TRY(const Condition condition, condition_of(lists.mode[i]));
    Node node{.test = condition};
    if (i == 0 || lists.tree[i] != lists.tree[i - 1]) {
      if (!trees.insert(lists.tree[i]).second)
        return unimplemented(fmt::format("tree ensemble lists a tree in two parts: {}", lists.tree[i]));
      forest.roots.push_back(static_cast<std::int32_t>(i));
    }
    if (condition != Condition::kLeaf) {
      AMAS_TRY(node.yes, child(lists, index, i, lists.yes[i]));
      AMAS_TRY(node.no, child(lists, index, i, lists.no[i]));
      if (!is_feature(lists.feature[i]))
        return unimplemented(fmt::format("tree ensemble asks for feature {}", lists.feature[i]));
      node.feature = static_cast<std::int32_t>(lists.feature[i]);
      node.threshold = lists.threshold[i];
      const bool yes = !lists.missing_yes.empty() && lists.missing_yes[i] == 1;
      // NaN differs from every number.
      node.missing = yes || condition == Condition::kNotEqual ? Missing::kNanYes : Missing::kNanNo;
    }
    forest.nodes.push_back(node);
  }
  return {};
}

/// The votes of a leaf stand in the order of the lists.
Status add_votes(const Lists& lists, const Index& index, Forest& forest) {
  std::vector<NodeKey> votes;
  for (std::size_t i = 0; i < lists.leaf_tree.size(); ++i)
    votes.push_back({lists.leaf_tree[i], lists.leaf_node[i], i});
  std::ranges::sort(votes);
  for (const NodeKey& vote : votes) {
    const std::int64_t at = index.find(vote.tree, vote.node);
    if (at < 0)
      return unimplemented(
          fmt::format("tree ensemble has votes for no node: {} of tree {}", vote.node, vote.tree));
    Node& leaf = forest.nodes[static_cast<std::size_t>(at)];
    if (leaf.test != Condition::kLeaf) continue;  // so does ONNX Runtime: old converters wrote such votes
    const std::int64_t target = lists.leaf_target[vote.index];
    if (target < 0 || target >= forest.targets)
      return unimplemented(
          fmt::format("tree ensemble has votes for target {} of {}", target, forest.targets));
    if (leaf.no == 0) leaf.yes = static_cast<std::int32_t>(forest.votes.size());
    forest.votes.push_back({static_cast<std::int32_t>(target), lists.leaf_weight[vote.index]});
    leaf.no = static_cast<std::int32_t>(forest.votes.size());
  }
  return {};
}

Result<Link> link_of(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, Link>, 5> kLinks{{{"NONE", Link::kIdentity},
                                                                     {"LOGISTIC", Link::kLogistic},
                                                                     {"SOFTMAX", Link::kSoftmax},
                                                                     {"SOFTMAX_ZERO", Link::kSoftmaxZero},
                                                                     {"PROBIT", Link::kProbit}}};
  for (const auto& [known, link] : kLinks)
    if (known == name) return link;
  return unimplemented("tree ensemble has a post_transform that is not known: " + name);
}

Result<Aggregate> aggregate_of(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, Aggregate>, 4> kAggregates{
      {{"SUM", Aggregate::kSum},
       {"AVERAGE", Aggregate::kAverage},
       {"MIN", Aggregate::kMin},
       {"MAX", Aggregate::kMax}}};
  for (const auto& [known, aggregate] : kAggregates)
    if (known == name) return aggregate;
  return unimplemented("tree ensemble has an aggregate_function that is not known: " + name);
}

Result<std::int64_t> read_classes(const onnx::NodeProto& node, const Lists& lists, TreeOperator& out) {
  AMAS_TRY(out.labels, model::ints_attribute(node, "classlabels_int64s"));
  AMAS_TRY(out.label_names, model::strings_attribute(node, "classlabels_strings"));
  if (out.labels.empty() == out.label_names.empty())
    return unimplemented("TreeEnsembleClassifier must have either integer or string labels");
  const auto classes = static_cast<std::int64_t>(out.labels.size() + out.label_names.size());
  const std::set<std::int64_t> voted(lists.leaf_target.begin(), lists.leaf_target.end());
  out.one_sided = classes == 2 && voted.size() == 1;
  out.all_positive = std::ranges::none_of(lists.leaf_weight, [](double weight) { return weight < 0; });
  return classes;
}

}  // namespace

bool is_feature(std::int64_t index) {
  return index >= 0 && index < static_cast<std::int64_t>(limits::kForestFeaturesMax);
}

bool is_target_count(std::int64_t count) {
  return count >= 1 && count <= static_cast<std::int64_t>(limits::kForestTargetsMax);
}

Result<std::vector<double>> tensor_numbers(const onnx::NodeProto& node, std::string_view name,
                                           Number number) {
  const auto* attribute = find_attribute(node, name);
  if (attribute == nullptr || !attribute->has_t() || attribute->t().dims_size() == 0)
    return std::vector<double>{};
  const onnx::TensorProto& tensor = attribute->t();
  if (number == Number::kFloat64 && tensor.data_type() == onnx::TensorProto::DOUBLE)
    return model::read_constant<double>(tensor);
  if (number != Number::kFloat32 || tensor.data_type() != onnx::TensorProto::FLOAT)
    return unimplemented(fmt::format("{} has numbers of another type than its rows: {} is of type {}",
                                     node.op_type(), name, tensor.data_type()));
  AMAS_TRY(const auto floats, model::read_constant<float>(tensor));
  return std::vector<double>(floats.begin(), floats.end());
}

Status finish_operator(TreeOperator& read) {
  Forest& forest = read.forest;
  for (const Node& node : forest.nodes) {
    if (node.test != Condition::kLeaf) forest.features = std::max(forest.features, node.feature + 1);
    else if (node.no == node.yes || (forest.targets == 1 && node.no - node.yes > 1))
      return unimplemented(fmt::format("tree ensemble has a leaf with {} votes", node.no - node.yes));
  }
  const auto targets = static_cast<std::size_t>(forest.targets);
  const std::size_t base = read.base_values.size();
  const bool classifier_base = read.classifier && targets == 2 && base <= 2;
  if (base != 0 && base != targets && !classifier_base)
    return unimplemented(fmt::format("tree ensemble has {} base values for {} targets", base, targets));
  forest.divisor = static_cast<double>(forest.roots.size());
  if (auto status = validate(forest); !status) return unimplemented(std::move(status.error().message));
  return {};
}

bool is_tree_operator(const onnx::NodeProto& node) {
  return node.domain() == "ai.onnx.ml" &&
         (node.op_type() == "TreeEnsembleClassifier" || node.op_type() == "TreeEnsembleRegressor" ||
          node.op_type() == "TreeEnsemble");
}

Result<TreeOperator> read_tree_operator(const onnx::NodeProto& node, std::int64_t version, Number number) {
  if (!is_tree_operator(node)) return unimplemented("not a tree ensemble: " + node.op_type());
  const bool newer = node.op_type() == "TreeEnsemble";
  if (version < 1 || version > 5 || newer != (version == 5))
    return unimplemented(fmt::format("{} is not known in ai.onnx.ml {}", node.op_type(), version));
  if (newer) return read_tree_ensemble_5(node, number);
  TreeOperator out;
  out.classifier = node.op_type() == "TreeEnsembleClassifier";
  AMAS_CHECK(check_known(node, out.classifier, version));
  AMAS_TRY(const Lists lists, read_lists(node, out.classifier, number));
  std::int64_t targets = model::int_attribute(node, "n_targets", 0);
  if (out.classifier) {
    AMAS_TRY(targets, read_classes(node, lists, out));
  }
  if (!is_target_count(targets) || (out.classifier && targets < 2))
    return unimplemented(fmt::format("{} has {} targets", node.op_type(), targets));
  out.forest.number = number;
  out.forest.targets = static_cast<std::int32_t>(targets);
  AMAS_TRY(out.base_values, numbers(node, "base_values", number));
  AMAS_TRY(const std::string link, model::string_attribute(node, "post_transform", "NONE"));
  AMAS_TRY(out.forest.link, link_of(link));
  AMAS_TRY(const std::string aggregate, model::string_attribute(node, "aggregate_function", "SUM"));
  AMAS_TRY(out.forest.aggregate, aggregate_of(aggregate));
  AMAS_TRY(const Index index, Index::make(lists));
  AMAS_CHECK(add_nodes(lists, index, out.forest));
  AMAS_CHECK(add_votes(lists, index, out.forest));
  AMAS_CHECK(finish_operator(out));
  return out;
}

}  // namespace amas::engines::forest
