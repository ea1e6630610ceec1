// Initial states and lookups as exporters write them, node after node, and what looks like them.

#include "engines/sequence/computed_node.h"

#include <gtest/gtest.h>

#include <functional>

#include "engines/sequence/recognise.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;

constexpr std::int64_t kVocabulary = 9, kEmbedding = 4, kUnits = 3, kLength = 6;

/// Writes a net whose state begins as zeros of a shape that the graph computes, and whose tokens below 0 are
/// moved to the table's end.
struct Writer {
  onnx::ModelProto model = model::empty_model("exported");
  onnx::GraphProto& graph = *model.mutable_graph();

  void weights(std::string_view name, std::initializer_list<std::int64_t> dims) {
    std::vector<float> values(element_count(dims));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1F * static_cast<float>(i % 9) - 0.4F;
    model::add_constant<float>(graph, name, dims, std::span<const float>(values));
  }
  /// A Constant node with one number, or with a list of one.
  void number(std::string_view name, std::int64_t value, bool list = true) {
    const std::vector<std::int64_t> dims(list ? 1 : 0, 1);
    model::set_tensor(model::add_node(graph, "Constant", {}, name), "value",
                      model::make_constant<std::int64_t>("", dims, std::span(&value, 1)));
  }
  void narrow(std::string_view name, std::int32_t value) {
    model::add_constant<std::int32_t>(graph, name, {}, std::span(&value, 1));
  }
  NodeProto& cast(std::string_view from, std::string_view to, TensorProto::DataType type) {
    NodeProto& node = model::add_node(graph, "Cast", {from}, to);
    model::set_int(node, "to", type);
    return node;
  }
  void moved_tokens() {
    narrow("rows", kVocabulary);
    narrow("zero", 0);
    model::add_node(graph, "Add", {"tokens", "rows"}, "shifted");
    model::add_node(graph, "Less", {"tokens", "zero"}, "below");
    cast("below", "below_number", TensorProto::INT32);
    model::add_node(graph, "Not", {"below"}, "not_below");
    cast("not_below", "kept_number", TensorProto::INT32);
    model::add_node(graph, "Mul", {"below_number", "shifted"}, "moved");
    model::add_node(graph, "Mul", {"tokens", "kept_number"}, "kept");
    model::add_node(graph, "Add", {"moved", "kept"}, "index");
  }
  void zero_state() {
    model::add_node(graph, "Shape", {"embedded"}, "shape");
    number("first", 0, false);
    number("front", 0);
    number("one", 1);
    number("units", kUnits);
    model::add_node(graph, "Gather", {"shape", "first"}, "batch");
    model::add_node(graph, "Unsqueeze", {"batch", "front"}, "batches");
    model::set_int(model::add_node(graph, "Concat", {"one", "batches", "units"}, "state_shape"), "axis", 0);
    const float zero = 0;
    model::set_tensor(model::add_node(graph, "ConstantOfShape", {"state_shape"}, "state"), "value",
                      model::make_constant<float>("", std::vector<std::int64_t>{1}, std::span(&zero, 1)));
  }
  onnx::ModelProto write() {
    *graph.add_input() = model::make_value_info("tokens", TensorProto::INT32, {-1, kLength});
    weights("table", {kVocabulary, kEmbedding});
    weights("kernel", {1, 4 * kUnits, kEmbedding});
    weights("recurrent", {1, 4 * kUnits, kUnits});
    weights("bias", {1, 8 * kUnits});
    weights("dense", {kUnits, 1});
    moved_tokens();
    model::add_node(graph, "Gather", {"table", "index"}, "embedded");
    zero_state();
    model::set_ints(model::add_node(graph, "Transpose", {"embedded"}, "steps"), "perm", {1, 0, 2});
    auto& cell = model::add_node(graph, "LSTM",
                                 {"steps", "kernel", "recurrent", "bias", "", "state", "state"}, "states");
    model::set_int(cell, "hidden_size", kUnits);
    model::add_node(graph, "Squeeze", {"states", "one"}, "squeezed");
    model::set_ints(model::add_node(graph, "Transpose", {"squeezed"}, "turned"), "perm", {1, 0, 2});
    number("last", -1, false);
    model::set_int(model::add_node(graph, "Gather", {"turned", "last"}, "state_at_end"), "axis", 1);
    model::add_node(graph, "MatMul", {"state_at_end", "dense"}, "logit");
    model::add_node(graph, "Sigmoid", {"logit"}, "score");
    *graph.add_output() = model::make_value_info("score", TensorProto::FLOAT, {-1, 1});
    return model;
  }
};

NodeProto& giving(onnx::ModelProto& model, std::string_view output) {
  for (NodeProto& node : *model.mutable_graph()->mutable_node())
    if (node.output(0) == output) return node;
  throw std::runtime_error("no node gives " + std::string(output));
}

void set_number(onnx::ModelProto& model, std::string_view name, std::int64_t value) {
  auto& tensor = *giving(model, name).mutable_attribute(0)->mutable_t();
  tensor = model::make_constant<std::int64_t>(
      "", std::vector<std::int64_t>(tensor.dims().begin(), tensor.dims().end()), std::span(&value, 1));
}

void set_narrow(onnx::ModelProto& model, std::string_view name, std::int32_t value) {
  for (TensorProto& tensor : *model.mutable_graph()->mutable_initializer())
    if (tensor.name() == name)
      tensor = model::make_constant<std::int32_t>(name, std::vector<std::int64_t>{}, std::span(&value, 1));
}

struct Change {
  const char* name;
  std::function<void(onnx::ModelProto&)> make;
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

class SameNet : public testing::TestWithParam<Change> {};

TEST_P(SameNet, is_recognised) {
  auto model = Writer().write();
  GetParam().make(model);
  const auto net = recognise(model);
  ASSERT_TRUE(net) << net.error().message;
  EXPECT_EQ(net->layers[0].units, kUnits);
  EXPECT_EQ(net->vocabulary, kVocabulary);
}

/// Puts a node at the place of the one that gives `output`, so that nodes stay in order.
void instead(onnx::ModelProto& model, std::string_view output, std::string_view op,
             std::initializer_list<std::string_view> inputs) {
  NodeProto& node = giving(model, output);
  node.clear_input();
  node.clear_attribute();
  node.set_op_type(std::string(op));
  for (const std::string_view input : inputs) node.add_input(std::string(input));
}

INSTANTIATE_TEST_SUITE_P(
    all, SameNet,
    testing::Values(
        Change{"as it is", [](auto&) {}},
        Change{"the shape of the tokens", [](auto& m) { giving(m, "shape").set_input(0, "tokens"); }},
        Change{"zeros spread over a shape",
               [](auto& m) {
                 const float zero = 0;
                 model::add_constant<float>(*m.mutable_graph(), "nothing", {}, std::span(&zero, 1));
                 instead(m, "state", "Expand", {"nothing", "state_shape"});
               }},
        Change{"a token chosen by its sign",
               [](auto& m) {
                 instead(m, "index", "Where", {"below", "shifted", "tokens"});
               }},
        Change{"a token chosen the other way round",
               [](auto& m) {
                 instead(m, "index", "Where", {"not_below", "tokens", "shifted"});
               }},
        Change{"the last step counted from the front", [](auto& m) { set_number(m, "last", kLength - 1); }}));

class StateLookAlikes : public testing::TestWithParam<Change> {};

TEST_P(StateLookAlikes, are_left_to_the_general_engine) {
  auto model = Writer().write();
  GetParam().make(model);
  const auto net = recognise(model);
  ASSERT_FALSE(net);
  EXPECT_EQ(net.error().code, Code::kUnimplemented) << net.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    all, StateLookAlikes,
    testing::Values(
        Change{"a state of ones",
               [](auto& m) {
                 const float one = 1;
                 *giving(m, "state").mutable_attribute(0)->mutable_t() =
                     model::make_constant<float>("", std::vector<std::int64_t>{1}, std::span(&one, 1));
               }},
        Change{"a state of whole numbers",
               [](auto& m) {
                 const std::int64_t zero = 0;
                 *giving(m, "state").mutable_attribute(0)->mutable_t() = model::make_constant<std::int64_t>(
                     "", std::vector<std::int64_t>{1}, std::span(&zero, 1));
               }},
        Change{"more units than the cell has", [](auto& m) { set_number(m, "units", kUnits + 1); }},
        Change{"the number of steps for that of rows", [](auto& m) { set_number(m, "first", 1); }},
        Change{"an axis that there is not", [](auto& m) { set_number(m, "first", 3); }},
        Change{"a shape in another order",
               [](auto& m) {
                 instead(m, "state_shape", "Concat", {"batches", "one", "units"});
               }},
        Change{"a shape of two axes",
               [](auto& m) {
                 instead(m, "state_shape", "Concat", {"batches", "units"});
               }},
        Change{"a state that the text gives", [](auto& m) { giving(m, "states").set_input(5, "embedded"); }},
        Change{"a state that no node gives", [](auto& m) { giving(m, "states").set_input(5, "nothing"); }},
        Change{"rows doubled",
               [](auto& m) {
                 instead(m, "batches", "Concat", {"front", "front"});
                 instead(m, "state_shape", "Concat", {"one", "batches", "units"});
               }},
        Change{"the first state for the last", [](auto& m) { set_number(m, "last", 0); }},
        Change{"a row for a step", [](auto& m) { giving(m, "state_at_end").mutable_attribute(0)->set_i(0); }},
        Change{"a table of another size", [](auto& m) { set_narrow(m, "rows", kVocabulary - 1); }},
        Change{"tokens below 1 moved", [](auto& m) { set_narrow(m, "zero", 1); }},
        Change{"tokens that are not below 0 moved",
               [](auto& m) { giving(m, "moved").set_input(0, "kept_number"); }},
        Change{"all tokens moved", [](auto& m) { giving(m, "embedded").set_input(1, "shifted"); }},
        Change{"tokens below 0 left out", [](auto& m) { giving(m, "embedded").set_input(1, "kept"); }},
        Change{"a token chosen by the opposite of its sign",
               [](auto& m) {
                 instead(m, "index", "Where", {"below", "tokens", "shifted"});
               }},
        Change{"signs as tokens", [](auto& m) { giving(m, "embedded").set_input(1, "below_number"); }}));

TEST(Compute, multiplies_sizes_without_overflowing) {
  auto model = model::empty_model("sizes");
  auto& graph = *model.mutable_graph();
  const std::int64_t large[] = {std::numeric_limits<std::int64_t>::min(), 3};
  model::add_constant<std::int64_t>(graph, "large", {2}, std::span(large));
  Known known;
  for (const auto& tensor : graph.initializer()) known.constants.emplace(tensor.name(), &tensor);
  EXPECT_FALSE(compute({known, model::add_node(graph, "Mul", {"large", "large"}, "product")}));
}

}  // namespace
}  // namespace amas::engines::sequence
