#include "convert/booster.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "convert/booster_columns.h"
#include "crypto/digest.h"
#include "engines/forest/compiled.h"
#include "engines/forest/lightgbm.h"
#include "engines/forest/link.h"
#include "engines/forest/onnx_export.h"
#include "engines/forest/xgboost.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::convert {
namespace {

using namespace engines::forest;
using onnx::TensorProto;

constexpr std::int64_t kWithSets = 5, kPlain = 3;  // versions of ai.onnx.ml

bool is_wide(const Forest& forest) { return forest.number == Number::kFloat64; }

bool has_sets(const Forest& forest) {
  return std::ranges::any_of(forest.nodes, [](const Node& node) { return node.test >= Condition::kMember; });
}

// A tree of one leaf. Where a leaf has one vote only, one tree for each.
void add_leaf(Forest& forest, std::vector<Vote> votes, bool together, std::vector<std::int32_t>& roots) {
  for (std::size_t i = 0; i < votes.size(); ++i) {
    if (i == 0 || !together) {
      const auto at = static_cast<std::int32_t>(forest.votes.size());
      roots.push_back(static_cast<std::int32_t>(forest.nodes.size()));
      forest.nodes.push_back({.yes = at, .no = at});
    }
    forest.votes.push_back(votes[i]);
    ++forest.nodes.back().no;
  }
}

// The base becomes the first tree, so that sums begin with it as the library's do, to the bit.
void base_into_trees(Forest& forest, bool together) {
  std::vector<Vote> votes;
  for (std::size_t target = 0; target < static_cast<std::size_t>(forest.targets); ++target)
    votes.push_back({static_cast<std::int32_t>(target), forest.base.empty() ? 0 : forest.base[target]});
  std::vector<std::int32_t> roots;
  add_leaf(forest, std::move(votes), together, roots);
  forest.roots.insert(forest.roots.begin(), roots.begin(), roots.end());
  forest.base.clear();
}

// Where all weights of a classifier are at least 0, ONNX Runtime takes them for probabilities. Two trees that
// cancel each other exactly before anything is added show that they are not.
void show_weights_are_margins(Forest& forest) {
  constexpr double kTiny = 0x1p-100;
  std::vector<std::int32_t> roots;
  add_leaf(forest, {{0, -kTiny}}, true, roots);
  add_leaf(forest, {{0, kTiny}}, true, roots);
  forest.roots.insert(forest.roots.begin(), roots.begin(), roots.end());
}

// ai.onnx.ml 5 knows no tree of one leaf: a question whose answers are the same.
void ask_before_leaves(Forest& forest) {
  for (std::int32_t& root : forest.roots) {
    const Node leaf = forest.nodes[static_cast<std::size_t>(root)];
    if (leaf.test != Condition::kLeaf) continue;
    const auto first = static_cast<std::int32_t>(forest.nodes.size());
    forest.nodes.push_back({.test = Condition::kLess, .yes = first + 1, .no = root});
    forest.nodes.push_back(leaf);
    root = first;
  }
}

// Whether one operator says all of it, so that the forest engine can run it.
bool is_one_operator(const Forest& forest, bool classifier) {
  if (has_sets(forest) || forest.link_scale != 1 || forest.link_divisor != 1) return false;
  if (!classifier) return forest.link == Link::kIdentity;
  if (forest.targets == 1) return forest.link == Link::kLogistic;
  return forest.targets > 2 && (forest.link == Link::kSoftmax || forest.link == Link::kArgmax);
}

TreeOperator as_classifier(Forest forest) {
  TreeOperator trees{.classifier = true};
  show_weights_are_margins(forest);
  if (forest.link == Link::kArgmax) forest.link = Link::kSoftmax;
  forest.targets = std::max(forest.targets, 2);
  for (std::int64_t label = 0; label < forest.targets; ++label) trees.labels.push_back(label);
  trees.forest = std::move(forest);
  return trees;
}

/// Appends what stands behind the margins.
class Tail {
 public:
  Tail(const Forest& forest, std::string margins, onnx::GraphProto& graph)
      : forest_(forest), graph_(graph), value_(std::move(margins)) {}

  /// The library's predictions.
  void predictions(bool classifier) {
    graph_.clear_output();
    if (is_wide(forest_)) {
      const std::string from = value_;
      model::set_int(model::add_node(graph_, "Cast", {from}, next("narrow")), "to", TensorProto::FLOAT);
    }
    if (forest_.link_divisor != 1) scale("Div", forest_.link_divisor);
    if (classifier) return classes();
    apply_link();
    const std::string from = value_;
    model::add_node(graph_, "Identity", {from}, "prediction");
    *graph_.add_output() = model::make_value_info("prediction", TensorProto::FLOAT, {-1, forest_.targets});
  }

 private:
  // The name of the value that the next node gives, which the one behind it takes.
  const std::string& next(std::string_view name) {
    value_ = name;
    return value_;
  }

  void unary(std::string_view op) {
    const std::string from = value_;
    model::add_node(graph_, op, {from}, next(fmt::format("{}_of_margins", op)));
  }

  void scale(std::string_view op, double by) {
    const std::string from = value_;
    const std::string name = fmt::format("{}_by", op);
    model::add_constant<float>(graph_, name, {1}, std::array{static_cast<float>(by)});
    model::add_node(graph_, op, {from, name}, next(fmt::format("{}_scaled", op)));
  }

  void apply_link() {
    const std::string from = value_;
    switch (forest_.link) {
      case Link::kLogistic:
        if (forest_.link_scale != 1) scale("Mul", forest_.link_scale);
        return unary("Sigmoid");
      case Link::kSoftmax:
        return unary("Softmax");
      case Link::kExp:
        return unary("Exp");
      case Link::kLogOnePlusExp:
        return unary("Softplus");
      case Link::kSignedSquare:
        model::add_node(graph_, "Abs", {from}, "size");
        model::add_node(graph_, "Mul", {from, "size"}, next("square"));
        return;
      case Link::kSign:
        model::add_constant<float>(graph_, "zero", {1}, std::array{0.0F});
        model::add_node(graph_, "Greater", {from, "zero"}, "positive");
        model::set_int(model::add_node(graph_, "Cast", {"positive"}, next("sign")), "to", TensorProto::FLOAT);
        return;
      default:
        return;
    }
  }

  // Labels and scores. One margin z becomes the softmax over [0, z], which is [1-p, p] and keeps small
  // probabilities of either class exact.
  void classes() {
    const auto count = std::max<std::int64_t>(forest_.targets, 2);
    if (forest_.targets == 1) {
      if (forest_.link_scale != 1) scale("Mul", forest_.link_scale);
      const std::string from = value_;
      model::add_constant<float>(graph_, "beside_zero", {1, 2}, std::array{0.0F, 1.0F});
      model::add_node(graph_, "MatMul", {from, "beside_zero"}, next("two"));
    }
    const std::string margins = value_;
    auto& label = model::add_node(graph_, "ArgMax", {margins}, "label");
    model::set_int(label, "axis", 1);
    model::set_int(label, "keepdims", 0);
    const bool each = forest_.link == Link::kLogistic && forest_.targets > 1;
    if (each && forest_.link_scale != 1) scale("Mul", forest_.link_scale);
    const std::string from = value_;
    model::add_node(graph_, each ? "Sigmoid" : "Softmax", {from}, "scores");
    *graph_.add_output() = model::make_value_info("label", TensorProto::INT64, {-1});
    *graph_.add_output() = model::make_value_info("scores", TensorProto::FLOAT, {-1, count});
  }

  const Forest& forest_;
  onnx::GraphProto& graph_;
  std::string value_;
};

// Trees that only sum, under a name.
Result<onnx::ModelProto> sums(Forest forest, std::int64_t version) {
  forest.link = Link::kIdentity;
  forest.link_scale = forest.link_divisor = 1;
  TreeOperator trees{.forest = std::move(forest)};
  AMAS_TRY(const std::string onnx, export_trees(trees, version));
  AMAS_TRY(onnx::ModelProto file, model::parse_onnx(onnx));
  return file;
}

Result<std::string> in_several_operators(const Forest& forest, bool classifier, Ending ending) {
  Forest plain = forest;
  const Columns columns = columns_of(plain);
  AMAS_CHECK(check_columns(columns));
  say_plainly(plain);
  const bool sets = has_sets(plain);
  base_into_trees(plain, !sets);
  if (sets) ask_before_leaves(plain);
  AMAS_TRY(onnx::ModelProto file, sums(std::move(plain), sets ? kWithSets : kPlain));
  auto& graph = *file.mutable_graph();
  prepare_columns(columns, is_wide(forest), graph);
  if (ending == Ending::kPredictions) {
    Forest ended;
    ended.number = sets ? forest.number : Number::kFloat32;  // ai.onnx.ml 3 narrows by itself
    ended.targets = forest.targets;
    ended.link = forest.link;
    ended.link_scale = forest.link_scale;
    ended.link_divisor = forest.link_divisor;
    rename_value(graph, "scores", "margins");
    Tail(ended, "margins", graph).predictions(classifier);
  }
  return model::serialise_onnx(file);
}

// Rows that decide: the thresholds of the forest and what lies beside them, zeros and missing values.
std::vector<double> deciding_rows(const Forest& forest, std::size_t rows) {
  std::mt19937 random(5);
  const auto below = [&](std::size_t end) { return random() % std::max<std::size_t>(end, 1); };
  std::vector<std::vector<double>> values(static_cast<std::size_t>(forest.features), {0, NAN, 1, -1});
  for (const Node& node : forest.nodes) {
    if (node.test == Condition::kLeaf) continue;
    auto& own = values[static_cast<std::size_t>(node.feature)];
    if (own.size() > 1'000) continue;
    const double at = node.set >= 0 ? static_cast<double>(below(64)) : node.threshold;
    const double beside = std::abs(at) * 0x1p-20 + 0x1p-40;
    for (const double value : {at, at - beside, at + beside}) own.push_back(value);
  }
  std::vector<double> table(rows * values.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto& own = values[i % values.size()];
    const double value = own[below(own.size())];
    table[i] = is_wide(forest) ? value : static_cast<double>(static_cast<float>(value));
  }
  return table;
}

template <class T>
Result<std::vector<double>> margins_of(const Forest& forest, const std::vector<double>& table,
                                       std::size_t rows) {
  AMAS_TRY(const auto compiled, compile<T>(forest));
  const std::vector<T> narrow(table.begin(), table.end());
  std::vector<double> margins(rows * static_cast<std::size_t>(forest.targets));
  compiled->margins({narrow.data(), rows, forest.features, 1}, margins, {});
  return margins;
}

// What the library's formulas give for rows that decide.
Result<OwnAnswers> own_answers(const Forest& forest) {
  constexpr std::size_t kRows = 64, kCellsMax = 1'000'000;
  const auto width = static_cast<std::size_t>(forest.features),
             targets = static_cast<std::size_t>(forest.targets);
  if (width * kRows > kCellsMax || targets * kRows > kCellsMax) return OwnAnswers{};
  const std::vector<double> table = deciding_rows(forest, kRows);
  AMAS_TRY(const auto margins, is_wide(forest) ? margins_of<double>(forest, table, kRows)
                                               : margins_of<float>(forest, table, kRows));
  Forest ended = forest;
  if (ended.link == Link::kArgmax) ended.link = Link::kSoftmax;
  const bool two = is_classifier(forest) && targets == 1;
  std::vector<float> expected;
  std::vector<double> one(targets);
  for (std::size_t row = 0; row < kRows; ++row) {
    predict(ended, std::span(margins).subspan(row * targets, targets), one);
    if (two) expected.push_back(static_cast<float>(1 - one[0]));
    for (const double value : one) expected.push_back(static_cast<float>(value));
  }
  Shape shape{kRows, static_cast<std::int64_t>(two ? 2 : targets)};
  OwnAnswers answers{.output = is_classifier(forest) ? "scores" : "prediction"};
  answers.expected = Tensor::of<float>(std::move(shape), expected);
  const Shape in{kRows, forest.features};
  if (is_wide(forest)) answers.inputs.push_back(Tensor::of<double>(in, table));
  else answers.inputs.push_back(Tensor::of<float>(in, std::vector<float>(table.begin(), table.end())));
  return answers;
}

Result<Graph> graph_of(const Forest& forest, std::string_view origin, std::string_view bytes) {
  Graph graph{.origin = std::string(origin), .digest = crypto::sha256_hex(bytes)};
  AMAS_TRY(graph.onnx, booster_graph(forest, Ending::kPredictions));
  AMAS_TRY(graph.own, own_answers(forest));
  graph.facts = {{"objective", forest.objective}, {"trees", forest.roots.size()}};
  if (!forest.feature_names.empty()) graph.facts["feature_names"] = forest.feature_names;
  if (!is_classifier(forest)) graph.task = "regression";
  else
    for (std::int32_t i = 0; i < std::max(forest.targets, 2); ++i) graph.labels.push_back(std::to_string(i));
  return graph;
}

}  // namespace

bool is_classifier(const Forest& forest) {
  constexpr std::array<std::string_view, 6> kClassifiers{
      "binary:logistic", "multi:softprob", "multi:softmax", "binary", "multiclass", "multiclassova"};
  const bool one_label = forest.targets == 1 || forest.objective != "binary:logistic";
  return one_label && std::ranges::find(kClassifiers, forest.objective) != kClassifiers.end();
}

Result<std::string> booster_graph(Forest forest, Ending ending) {
  const bool classifier = ending == Ending::kPredictions && is_classifier(forest);
  const bool zeros_missing =
      std::ranges::any_of(forest.nodes, [](const Node& node) { return node.missing > Missing::kNanYes; });
  const bool one = classifier && !zeros_missing && is_one_operator(forest, true);
  if (!one) return in_several_operators(forest, classifier, ending);
  base_into_trees(forest, true);
  return export_trees(as_classifier(std::move(forest)), kPlain);
}

Result<Graph> read_xgboost_model(std::string_view bytes) {
  AMAS_TRY(const Forest forest, read_xgboost(bytes));
  return graph_of(forest, "xgboost", bytes);
}

Result<Graph> read_lightgbm_model(std::string_view text) {
  AMAS_TRY(const Forest forest, read_lightgbm(text));
  return graph_of(forest, "lightgbm", text);
}

}  // namespace amas::convert
