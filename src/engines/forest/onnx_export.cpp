#include "engines/forest/onnx_export.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::engines::forest {
namespace {

using onnx::TensorProto;
using Integers = std::vector<std::int64_t>;

bool wide(const TreeOperator& trees) { return trees.forest.number == Number::kFloat64; }

Status check_sayable(const TreeOperator& trees, std::int64_t version) {
  const Forest& forest = trees.forest;
  const auto no = [&](std::string_view what) {
    return unimplemented(fmt::format("trees cannot be written in ai.onnx.ml {}: {}", version, what));
  };
  if (version != 1 && version != 3 && version != 5) return no("unknown version");
  if (version == 1 && wide(trees)) return no("they are float64");
  if (forest.link > Link::kProbit || forest.link_scale != 1 || forest.link_divisor != 1)
    return no("their link");
  if (!forest.base.empty()) return no("a base within the sum");
  if (forest.aggregate == Aggregate::kAverage && forest.divisor != static_cast<double>(forest.roots.size()))
    return no("a divisor other than the number of trees");
  if (version == 5 && (trees.classifier || !trees.base_values.empty())) return no("classes or base values");
  for (const std::int32_t root : forest.roots)
    if (version == 5 && forest.nodes[static_cast<std::size_t>(root)].test == Condition::kLeaf)
      return no("a tree of one leaf");
  for (const Node& node : forest.nodes) {
    if (node.test == Condition::kLeaf && version == 5 && node.no - node.yes != 1)
      return no("a leaf of several votes");
    if (node.test == Condition::kLeaf) continue;
    if (node.test > Condition::kMember || (version != 5 && node.test == Condition::kMember))
      return no("a set");
    if (node.missing > Missing::kNanYes) return no("zero as a missing value");
    if (node.test == Condition::kNotEqual && node.missing == Missing::kNanNo)
      return no("a missing value as equal");
  }
  return {};
}

void set_numbers(onnx::NodeProto& to, const std::string& name, const std::vector<double>& values,
                 bool as_tensor, bool is_wide) {
  const std::array dims{static_cast<std::int64_t>(values.size())};
  const std::vector<float> narrow(values.begin(), values.end());
  if (!as_tensor) model::set_floats(to, name, narrow);
  else if (is_wide) model::set_tensor(to, name, model::make_constant<double>(name, dims, values));
  else model::set_tensor(to, name, model::make_constant<float>(name, dims, narrow));
}

/// Calls visit(tree, node, its number within the tree) for each node of each tree, parents first.
template <class Visit>
void for_each_node(const Forest& forest, Visit visit) {
  std::vector<std::int32_t> open;
  for (std::size_t tree = 0; tree < forest.roots.size(); ++tree) {
    std::int64_t number = 0;
    open.push_back(forest.roots[tree]);
    while (!open.empty()) {
      const auto at = static_cast<std::size_t>(open.back());
      open.pop_back();
      visit(tree, at, number++);
      if (forest.nodes[at].test == Condition::kLeaf) continue;
      open.push_back(forest.nodes[at].no);
      open.push_back(forest.nodes[at].yes);
    }
  }
}

/// The number of each node within its tree.
Integers node_numbers(const Forest& forest) {
  Integers numbers(forest.nodes.size());
  for_each_node(forest, [&](std::size_t, std::size_t node, std::int64_t number) { numbers[node] = number; });
  return numbers;
}

void write_nodes(const TreeOperator& trees, onnx::NodeProto& to) {
  constexpr std::array<std::string_view, 7> kModes{"LEAF",       "BRANCH_LT", "BRANCH_LEQ", "BRANCH_GT",
                                                   "BRANCH_GTE", "BRANCH_EQ", "BRANCH_NEQ"};
  const Forest& forest = trees.forest;
  const Integers numbers = node_numbers(forest);
  Integers tree_ids, node_ids, features, yes, no, missing_yes;
  std::vector<std::string> modes;
  std::vector<double> thresholds;
  for_each_node(forest, [&](std::size_t tree, std::size_t at, std::int64_t number) {
    const Node& node = forest.nodes[at];
    const bool leaf = node.test == Condition::kLeaf;
    tree_ids.push_back(static_cast<std::int64_t>(tree));
    node_ids.push_back(number);
    features.push_back(leaf ? 0 : node.feature);
    yes.push_back(leaf ? 0 : numbers[static_cast<std::size_t>(node.yes)]);
    no.push_back(leaf ? 0 : numbers[static_cast<std::size_t>(node.no)]);
    missing_yes.push_back(!leaf && node.missing == Missing::kNanYes ? 1 : 0);
    modes.emplace_back(kModes[static_cast<std::size_t>(node.test)]);
    thresholds.push_back(leaf ? 0 : node.threshold);
  });
  model::set_ints(to, "nodes_treeids", tree_ids);
  model::set_ints(to, "nodes_nodeids", node_ids);
  model::set_ints(to, "nodes_featureids", features);
  model::set_ints(to, "nodes_truenodeids", yes);
  model::set_ints(to, "nodes_falsenodeids", no);
  model::set_ints(to, "nodes_missing_value_tracks_true", missing_yes);
  model::set_strings(to, "nodes_modes", modes);
  set_numbers(to, wide(trees) ? "nodes_values_as_tensor" : "nodes_values", thresholds, wide(trees),
              wide(trees));
}

void write_votes(const TreeOperator& trees, onnx::NodeProto& to) {
  const Forest& forest = trees.forest;
  Integers tree_ids, node_ids, targets;
  std::vector<double> weights;
  for_each_node(forest, [&](std::size_t tree, std::size_t at, std::int64_t number) {
    const Node& node = forest.nodes[at];
    if (node.test != Condition::kLeaf) return;
    for (std::int32_t i = node.yes; i < node.no; ++i) {
      const Vote& vote = forest.votes[static_cast<std::size_t>(i)];
      tree_ids.push_back(static_cast<std::int64_t>(tree));
      node_ids.push_back(number);
      targets.push_back(vote.target);
      weights.push_back(vote.weight);
    }
  });
  const std::string prefix = trees.classifier ? "class_" : "target_";
  model::set_ints(to, prefix + "treeids", tree_ids);
  model::set_ints(to, prefix + "nodeids", node_ids);
  model::set_ints(to, prefix + "ids", targets);
  set_numbers(to, prefix + (wide(trees) ? "weights_as_tensor" : "weights"), weights, wide(trees),
              wide(trees));
}

void write_3(const TreeOperator& trees, onnx::NodeProto& to) {
  constexpr std::array<std::string_view, 5> kLinks{"NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO", "PROBIT"};
  constexpr std::array<std::string_view, 4> kAggregates{"SUM", "AVERAGE", "MIN", "MAX"};
  write_nodes(trees, to);
  write_votes(trees, to);
  model::set_string(to, "post_transform", kLinks[static_cast<std::size_t>(trees.forest.link)]);
  if (!trees.base_values.empty())
    set_numbers(to, wide(trees) ? "base_values_as_tensor" : "base_values", trees.base_values, wide(trees),
                wide(trees));
  if (trees.classifier) {
    if (!trees.labels.empty()) model::set_ints(to, "classlabels_int64s", trees.labels);
    else model::set_strings(to, "classlabels_strings", trees.label_names);
    return;
  }
  model::set_int(to, "n_targets", trees.forest.targets);
  model::set_string(to, "aggregate_function", kAggregates[static_cast<std::size_t>(trees.forest.aggregate)]);
}

/// Nodes and leaves are numbered apart there, in the order of the forest.
struct Places {
  Integers place;  ///< of each node among the nodes, or among the leaves
  bool is_leaf(const Forest& forest, std::int32_t node) const {
    return forest.nodes[static_cast<std::size_t>(node)].test == Condition::kLeaf;
  }
};

Places places_of(const Forest& forest) {
  Places places;
  std::int64_t nodes = 0, leaves = 0;
  for (const Node& node : forest.nodes)
    places.place.push_back(node.test == Condition::kLeaf ? leaves++ : nodes++);
  return places;
}

/// What a node of version 5 is, as its number there.
std::uint8_t mode_of(Condition condition) {
  switch (condition) {
    case Condition::kLess:
      return 1;
    case Condition::kGreaterEqual:
      return 2;
    case Condition::kGreater:
      return 3;
    case Condition::kEqual:
      return 4;
    case Condition::kNotEqual:
      return 5;
    case Condition::kMember:
      return 6;
    default:
      return 0;
  }
}

void write_nodes_5(const TreeOperator& trees, const Places& places, onnx::NodeProto& to) {
  const Forest& forest = trees.forest;
  Integers features, yes, no, yes_leaf, no_leaf, missing_yes;
  std::vector<std::uint8_t> modes;
  std::vector<double> thresholds, members;
  for (const Node& node : forest.nodes) {
    if (node.test == Condition::kLeaf) continue;
    features.push_back(node.feature);
    yes.push_back(places.place[static_cast<std::size_t>(node.yes)]);
    no.push_back(places.place[static_cast<std::size_t>(node.no)]);
    yes_leaf.push_back(places.is_leaf(forest, node.yes) ? 1 : 0);
    no_leaf.push_back(places.is_leaf(forest, node.no) ? 1 : 0);
    missing_yes.push_back(node.missing == Missing::kNanYes ? 1 : 0);
    modes.push_back(mode_of(node.test));
    thresholds.push_back(node.test == Condition::kMember ? 0 : node.threshold);
    if (node.test != Condition::kMember) continue;
    const auto& set = forest.sets[static_cast<std::size_t>(node.set)];
    members.insert(members.end(), set.begin(), set.end());
    members.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  model::set_ints(to, "nodes_featureids", features);
  model::set_ints(to, "nodes_truenodeids", yes);
  model::set_ints(to, "nodes_falsenodeids", no);
  model::set_ints(to, "nodes_trueleafs", yes_leaf);
  model::set_ints(to, "nodes_falseleafs", no_leaf);
  model::set_ints(to, "nodes_missing_value_tracks_true", missing_yes);
  const std::array dims{static_cast<std::int64_t>(modes.size())};
  model::set_tensor(to, "nodes_modes", model::make_constant<std::uint8_t>("nodes_modes", dims, modes));
  set_numbers(to, "nodes_splits", thresholds, true, wide(trees));
  if (!members.empty()) set_numbers(to, "membership_values", members, true, wide(trees));
}

void write_5(const TreeOperator& trees, onnx::NodeProto& to) {
  constexpr std::array<std::int64_t, 4> kAggregates{1, 0, 2, 3};
  const Forest& forest = trees.forest;
  const Places places = places_of(forest);
  Integers roots, targets;
  std::vector<double> weights;
  for (const Node& node : forest.nodes) {
    if (node.test != Condition::kLeaf) continue;
    const Vote& vote = forest.votes[static_cast<std::size_t>(node.yes)];
    targets.push_back(vote.target);
    weights.push_back(vote.weight);
  }
  for (const std::int32_t root : forest.roots) roots.push_back(places.place[static_cast<std::size_t>(root)]);
  write_nodes_5(trees, places, to);
  model::set_ints(to, "leaf_targetids", targets);
  set_numbers(to, "leaf_weights", weights, true, wide(trees));
  model::set_ints(to, "tree_roots", roots);
  model::set_int(to, "n_targets", forest.targets);
  model::set_int(to, "aggregate_function", kAggregates[static_cast<std::size_t>(forest.aggregate)]);
  model::set_int(to, "post_transform", static_cast<std::int64_t>(forest.link));
}

}  // namespace

Result<std::string> export_trees(const TreeOperator& trees, std::int64_t version) {
  AMAS_CHECK(check_sayable(trees, version));
  onnx::ModelProto file = model::empty_model("trees");
  auto& opset = *file.add_opset_import();
  opset.set_domain("ai.onnx.ml");
  opset.set_version(version);
  auto& graph = *file.mutable_graph();
  auto& node = model::add_node(graph,
                               version == 5       ? "TreeEnsemble"
                               : trees.classifier ? "TreeEnsembleClassifier"
                                                  : "TreeEnsembleRegressor",
                               {"features"}, trees.classifier ? "label" : "scores");
  node.set_domain("ai.onnx.ml");
  if (trees.classifier) node.add_output("scores");
  if (version == 5) write_5(trees, node);
  else write_3(trees, node);
  const auto rows = wide(trees) ? TensorProto::DOUBLE : TensorProto::FLOAT;
  *graph.add_input() = model::make_value_info("features", rows, {-1, trees.forest.features});
  if (trees.classifier)
    *graph.add_output() = model::make_value_info(
        "label", trees.labels.empty() ? TensorProto::STRING : TensorProto::INT64, {-1});
  *graph.add_output() =
      model::make_value_info("scores", version == 5 ? rows : TensorProto::FLOAT, {-1, trees.forest.targets});
  return model::serialise_onnx(file);
}

}  // namespace amas::engines::forest
