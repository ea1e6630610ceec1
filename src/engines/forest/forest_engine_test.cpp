#include "engines/forest/forest_engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/file.h"
#include "base/limits.h"
#include "engines/forest/onnx_export.h"
#include "engines/forest/random_operator.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::engines {
namespace {

using forest::Condition;

engine::Engine& onnxruntime() {
  static const auto engine =
      open_onnxruntime(fs::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0");
  if (!engine) throw std::runtime_error(engine.error().message);
  return **engine;
}

engine::Engine& ours() {
  static const auto engine = open_forest_engine();
  return *engine;
}

/// The first place where two answers differ in their bits (NaN is NaN), or "".
template <class T>
std::string difference(const Tensor& ours, const Tensor& theirs) {
  const auto a = ours.data<T>(), b = theirs.data<T>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>)
      if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0)
      return "element " + std::to_string(i) + ": " + std::to_string(a[i]) + " is not " + std::to_string(b[i]);
  }
  return "";
}

std::string difference(const std::vector<Tensor>& ours, const std::vector<Tensor>& theirs) {
  if (ours.size() != theirs.size()) return "another number of outputs";
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Tensor &a = ours[i], &b = theirs[i];
    if (a.dtype() != b.dtype() || a.shape() != b.shape())
      return "another dtype or shape of output " + std::to_string(i);
    const std::string found = a.dtype() == DType::kString
                                  ? (a.strings() == b.strings() ? "" : "labels differ")
                              : a.dtype() == DType::kInt64   ? difference<std::int64_t>(a, b)
                              : a.dtype() == DType::kFloat64 ? difference<double>(a, b)
                                                             : difference<float>(a, b);
    if (!found.empty()) return "output " + std::to_string(i) + ": " + found;
  }
  return "";
}

std::string described(const forest::plain::RandomOperator& made) {
  const auto& trees = made.trees;
  return "ai.onnx.ml " + std::to_string(made.version) + (trees.classifier ? " classifier" : " regressor") +
         (trees.forest.number == forest::Number::kFloat64 ? " double" : " float") + ", targets " +
         std::to_string(trees.forest.targets) + ", base " + std::to_string(trees.base_values.size()) +
         ", link " + std::to_string(static_cast<int>(trees.forest.link)) + ", aggregate " +
         std::to_string(static_cast<int>(trees.forest.aggregate)) + ", trees " +
         std::to_string(trees.forest.roots.size());
}

/// A graph through both engines. Returns whether ours took it; then so must ONNX Runtime, with the same bits.
bool compare(const std::string& file, const Tensor& input) {
  auto mine = ours().load(file, {});
  if (!mine) {
    EXPECT_TRUE(mine.error().code == Code::kUnimplemented || mine.error().code == Code::kInvalidArgument)
        << mine.error().message;
    return false;
  }
  auto theirs = onnxruntime().load(file, {});
  EXPECT_TRUE(theirs) << (theirs ? "" : theirs.error().message);
  if (!theirs) return false;
  const std::vector<TensorView> inputs{input};
  const auto a = (*mine)->run(inputs), b = (*theirs)->run(inputs);
  EXPECT_EQ(a.has_value(), b.has_value());
  if (a && b) {
    EXPECT_EQ(difference(*a, *b), "");
  }
  return true;
}

/// Changes one number of one list of the operator.
void spoil(onnx::ModelProto& graph, std::mt19937& random) {
  auto& attributes = *graph.mutable_graph()->mutable_node(0)->mutable_attribute();
  auto& spoiled = attributes[static_cast<int>(random() % static_cast<unsigned>(attributes.size()))];
  if (spoiled.ints_size() > 0)
    spoiled.set_ints(static_cast<int>(random() % static_cast<unsigned>(spoiled.ints_size())),
                     static_cast<std::int64_t>(random() % 12) - 1);
  else if (spoiled.floats_size() > 0)
    spoiled.set_floats(static_cast<int>(random() % static_cast<unsigned>(spoiled.floats_size())),
                       random() % 2 == 0 ? std::nanf("") : -0.0F);
  else if (spoiled.strings_size() > 0)
    spoiled.set_strings(static_cast<int>(random() % static_cast<unsigned>(spoiled.strings_size())),
                        random() % 2 == 0 ? "BRANCH_GTE" : "LEAF");
  else if (spoiled.type() == onnx::AttributeProto::INT)
    spoiled.set_i(static_cast<std::int64_t>(random() % 6));
}

/// One random operator, whole or spoiled. Returns whether ours took it.
bool compare_one(std::uint32_t seed, bool whole) {
  std::mt19937 random(seed);
  const auto made = forest::plain::random_operator(random);
  SCOPED_TRACE("seed " + std::to_string(seed) + (whole ? ": " : ", spoiled: ") + described(made));
  auto file = forest::export_trees(made.trees, made.version);
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  if (!file) return false;
  const Tensor input = forest::plain::random_input(made.trees.forest, random);
  if (!whole) {
    auto graph = *model::parse_onnx(*file);
    spoil(graph, random);
    *file = model::serialise_onnx(graph);
  }
  return compare(*file, input);
}

/// Some hundred graphs; AMAS_FUZZ_SECONDS asks for as many as fit into so much CPU time, from AMAS_FUZZ_SEED
/// or seeds that the run before did not see. Returns the share that ours took.
double compare_many(bool whole) {
  const char *asked = std::getenv("AMAS_FUZZ_SECONDS"), *first = std::getenv("AMAS_FUZZ_SEED");
  const auto spent = [begin = std::clock()] {
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  };
  const double seconds = asked == nullptr ? 0 : std::strtod(asked, nullptr);
  constexpr std::uint32_t kAlways = 400;
  std::uint32_t taken = 0, count = 0;
  auto seed = first != nullptr   ? static_cast<std::uint32_t>(std::strtoul(first, nullptr, 10))
              : asked == nullptr ? 0
                                 : std::random_device{}();
  for (; count < kAlways || spent() < seconds; ++count) {
    taken += compare_one(seed++, whole) ? 1 : 0;
    if (testing::Test::HasFailure()) break;
  }
  return static_cast<double>(taken) / count;
}

TEST(ForestEngine, answers_random_trees_and_rows_with_the_bits_of_onnx_runtime) {
  EXPECT_GT(compare_many(true), 0.5);
}

TEST(ForestEngine, takes_spoiled_trees_only_where_onnx_runtime_does_and_with_its_bits) {
  EXPECT_GT(compare_many(false), 0.1);
}

TEST(ForestExport, says_what_a_version_cannot_say) {
  const auto refused = [](const forest::TreeOperator& trees, std::int64_t version, std::string_view because) {
    const auto file = forest::export_trees(trees, version);
    ASSERT_FALSE(file) << because;
    EXPECT_EQ(file.error().code, Code::kUnimplemented);
    EXPECT_NE(file.error().message.find(because), std::string::npos) << file.error().message;
  };
  forest::TreeOperator leaf;
  leaf.forest.nodes = {{.yes = 0, .no = 1}};
  leaf.forest.roots = {0};
  leaf.forest.votes = {{0, 1}};
  EXPECT_TRUE(forest::export_trees(leaf, 3));
  refused(leaf, 5, "a tree of one leaf");
  refused(leaf, 2, "unknown version");
  leaf.forest.base = {1};
  refused(leaf, 3, "a base");
  leaf.forest.base = {};
  leaf.base_values = {1};
  refused(leaf, 5, "base values");
  leaf.forest.link = forest::Link::kExp;
  refused(leaf, 3, "link");
}

using model::add_node;
using onnx::TensorProto;

/// Two trees over three features, for two classes.
forest::TreeOperator two_classes() {
  forest::TreeOperator trees;
  auto& forest = trees.forest;
  forest.features = 3;
  forest.targets = 2;
  forest.nodes = {{.test = Condition::kLessEqual, .feature = 0, .threshold = 0.5, .yes = 1, .no = 2},
                  {.yes = 0, .no = 1},
                  {.yes = 1, .no = 2},
                  {.test = Condition::kLess, .feature = 2, .threshold = -1, .yes = 4, .no = 5},
                  {.yes = 2, .no = 3},
                  {.yes = 3, .no = 4}};
  forest.roots = {0, 3};
  forest.votes = {{0, 0.25}, {0, -1.5}, {0, 2}, {0, 0.125}};
  forest.link = forest::Link::kLogistic;
  trees.classifier = true;
  trees.labels = {10, 20};
  return trees;
}

onnx::ModelProto graph_of(const forest::TreeOperator& trees, std::int64_t version = 3) {
  const auto file = forest::export_trees(trees, version);
  if (!file) throw std::runtime_error(file.error().message);
  return *model::parse_onnx(*file);
}

Tensor rows_of(DType dtype) {
  const std::vector<float> values{0, 5, -2, 1, 0, 3, 9, 9, -9};
  if (dtype == DType::kFloat32) return Tensor::of<float>({3, 3}, values);
  if (dtype == DType::kFloat64)
    return Tensor::of<double>({3, 3}, std::vector<double>(values.begin(), values.end()));
  if (dtype == DType::kInt32)
    return Tensor::of<std::int32_t>({3, 3}, std::vector<std::int32_t>(values.begin(), values.end()));
  return Tensor::of<std::int64_t>({3, 3}, std::vector<std::int64_t>(values.begin(), values.end()));
}

/// Ours takes the graph and answers as ONNX Runtime does.
void expect_same(const onnx::ModelProto& graph, DType rows = DType::kFloat32) {
  const std::string file = model::serialise_onnx(graph);
  auto mine = ours().load(file, {});
  ASSERT_TRUE(mine) << mine.error().message;
  auto theirs = onnxruntime().load(file, {});
  ASSERT_TRUE(theirs) << theirs.error().message;
  const Tensor input = rows_of(rows);
  const std::vector<TensorView> inputs{input};
  const auto a = (*mine)->run(inputs), b = (*theirs)->run(inputs);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(difference(*a, *b), "");
  ASSERT_EQ((*mine)->outputs().size(), (*theirs)->outputs().size());
  for (std::size_t i = 0; i < (*mine)->outputs().size(); ++i)
    EXPECT_EQ((*mine)->outputs()[i].name, (*theirs)->outputs()[i].name);
}

void expect_left(const onnx::ModelProto& graph, std::string_view because) {
  const auto mine = ours().load(model::serialise_onnx(graph), {});
  ASSERT_FALSE(mine) << because;
  EXPECT_EQ(mine.error().code, Code::kUnimplemented);
  EXPECT_NE(mine.error().message.find(because), std::string::npos) << mine.error().message;
}

/// What the converter of LightGBM puts behind the trees.
void wrap(onnx::GraphProto& graph) {
  auto& trees = *graph.mutable_node(0);
  trees.set_name("trees");
  trees.set_output(0, "label_tensor");
  trees.set_output(1, "probability_tensor");
  add_node(graph, "Identity", {"label_tensor"}, "lgbmlabel");
  add_node(graph, "Identity", {"probability_tensor"}, "lgbmprobabilities");
  model::set_int(add_node(graph, "Cast", {"lgbmlabel"}, "label"), "to", TensorProto::INT64);
  add_node(graph, "Mul", {"lgbmprobabilities", "one"}, "scores");
  model::add_constant<float>(graph, "one", {1}, std::vector<float>{1.0F});
}

TEST(ForestEngine, takes_graphs_as_converters_write_them) {
  expect_same(graph_of(two_classes()));
  auto graph = graph_of(two_classes());
  wrap(*graph.mutable_graph());
  expect_same(graph);
  graph = graph_of(two_classes());
  graph.mutable_graph()->mutable_output()->RemoveLast();
  expect_same(graph);
  graph = graph_of(two_classes());
  graph.mutable_graph()->mutable_node(0)->set_output(1, "narrow");
  model::set_int(add_node(*graph.mutable_graph(), "Cast", {"narrow"}, "scores"), "to", TensorProto::DOUBLE);
  graph.mutable_graph()->mutable_output(1)->mutable_type()->mutable_tensor_type()->set_elem_type(
      TensorProto::DOUBLE);
  expect_same(graph);
  for (const auto& [type, dtype] :
       {std::pair(TensorProto::INT64, DType::kInt64), std::pair(TensorProto::INT32, DType::kInt32)}) {
    graph = graph_of(two_classes());
    graph.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    expect_same(graph, dtype);
  }
}

TEST(ForestEngine, leaves_other_graphs_to_onnx_runtime) {
  auto graph = graph_of(two_classes());
  graph.mutable_graph()->mutable_node(0)->set_output(1, "raw");
  add_node(*graph.mutable_graph(), "Sigmoid", {"raw"}, "scores");
  expect_left(graph, "more than trees: Sigmoid");
  graph = graph_of(two_classes());
  wrap(*graph.mutable_graph());
  const float two = 2;
  graph.mutable_graph()->mutable_initializer(0)->set_raw_data(&two, sizeof two);
  expect_left(graph, "more than trees: Mul");
  graph = graph_of(two_classes());
  *graph.mutable_graph()->add_node() = graph.graph().node(0);
  expect_left(graph, "more than one tree operator");
  graph = graph_of(two_classes());
  graph.mutable_graph()->mutable_node(0)->set_op_type("TreeEnsembleOracle");
  expect_left(graph, "without a tree operator");
  graph = graph_of(two_classes());
  model::set_int(*graph.mutable_graph()->mutable_node(0), "new_thing", 1);
  expect_left(graph, "not known: new_thing");
  graph = graph_of(two_classes());
  graph.mutable_opset_import(1)->set_version(6);
  expect_left(graph, "not known in ai.onnx.ml 6");
  graph = graph_of(two_classes());
  graph.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_value(2);
  expect_left(graph, "3 features of 2");
  forest::TreeOperator other = two_classes();
  other.forest.votes[1].target = 1;
  expect_left(graph_of(other), "whatever its labels");
}

onnx::AttributeProto& attribute(onnx::ModelProto& graph, std::string_view name) {
  for (auto& found : *graph.mutable_graph()->mutable_node(0)->mutable_attribute())
    if (found.name() == name) return found;
  throw std::runtime_error("no attribute");
}

TEST(ForestEngine, never_loads_trees_that_are_no_trees) {
  auto graph = graph_of(two_classes());
  attribute(graph, "nodes_truenodeids").set_ints(0, 0);
  expect_left(graph, "reached twice");
  graph = graph_of(two_classes());
  attribute(graph, "nodes_truenodeids").set_ints(0, 77);
  expect_left(graph, "lacks a child");
  graph = graph_of(two_classes());
  attribute(graph, "nodes_nodeids").set_ints(1, 0);
  expect_left(graph, "twice");
  graph = graph_of(two_classes());
  attribute(graph, "nodes_values").set_floats(0, std::nanf(""));
  expect_left(graph, "not a number");
  graph = graph_of(two_classes());
  attribute(graph, "class_ids").set_ints(0, 2);
  expect_left(graph, "target 2 of 2");
  graph = graph_of(two_classes());
  attribute(graph, "nodes_featureids").set_ints(0, -1);
  expect_left(graph, "feature -1");
  attribute(graph, "nodes_featureids").set_ints(0, static_cast<std::int64_t>(limits::kForestFeaturesMax));
  expect_left(graph, "feature 1000000");
  forest::TreeOperator regressor = two_classes();
  regressor.classifier = false;
  graph = graph_of(regressor);
  attribute(graph, "n_targets").set_i(static_cast<std::int64_t>(limits::kForestTargetsMax) + 1);
  expect_left(graph, "100001 targets");
  graph = graph_of(two_classes());
  attribute(graph, "nodes_values").mutable_floats()->RemoveLast();
  auto loaded = ours().load(model::serialise_onnx(graph), {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kInvalidArgument);
  graph = graph_of(two_classes());
  attribute(graph, "nodes_values").set_type(onnx::AttributeProto::INTS);
  loaded = ours().load(model::serialise_onnx(graph), {});
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kInvalidArgument);
  EXPECT_NE(loaded.error().message.find("another type: nodes_values"), std::string::npos)
      << loaded.error().message;
}

TEST(ForestEngine, refuses_rows_that_do_not_fit) {
  auto graph = graph_of(two_classes());
  graph.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(1)
      ->set_dim_param("C");
  auto loaded = ours().load(model::serialise_onnx(graph), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Tensor narrow(DType::kFloat32, {4, 2}), wide(DType::kFloat32, {4, 9}),
      integers(DType::kInt64, {4, 3});
  for (const Tensor* bad : {&narrow, &integers}) {
    const auto answer = (*loaded)->run(std::vector<TensorView>{*bad});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kInvalidArgument);
  }
  EXPECT_TRUE((*loaded)->run(std::vector<TensorView>{wide}));
}

}  // namespace
}  // namespace amas::engines
