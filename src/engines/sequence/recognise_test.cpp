#include "engines/sequence/recognise.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "engines/sequence/sequence_engine.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::AttributeProto;
using onnx::NodeProto;
using onnx::TensorProto;

constexpr std::int64_t kUnits = 4, kEmbedding = 3, kVocabulary = 7, kLength = 5;

model::TextLstm small_net(bool mask) {
  const auto values = [](std::int64_t count) {
    std::vector<float> made(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = 0.1F * static_cast<float>(i % 7) - 0.3F;
    return made;
  };
  return {.vocabulary = kVocabulary,
          .embedding = kEmbedding,
          .units = kUnits,
          .dense = 1,
          .length = kLength,
          .mask = mask,
          .table = values(kVocabulary * kEmbedding),
          .kernel = values(4 * kUnits * kEmbedding),
          .recurrent = values(4 * kUnits * kUnits),
          .bias = values(4 * kUnits),
          .dense_kernel = values(kUnits),
          .dense_bias = values(1)};
}

onnx::ModelProto small_graph(bool mask = false) {
  return model::parse_onnx(model::export_text_lstm(small_net(mask))).value();
}

NodeProto& node_of(onnx::ModelProto& model, std::string_view op) {
  for (NodeProto& node : *model.mutable_graph()->mutable_node())
    if (node.op_type() == op) return node;
  throw std::runtime_error("the graph lacks " + std::string(op));
}

AttributeProto& attribute(NodeProto& node, std::string_view name, AttributeProto::AttributeType type) {
  auto& made = *node.add_attribute();
  made.set_name(std::string(name));
  made.set_type(type);
  return made;
}

void constant(onnx::ModelProto& model, const std::string& name, std::initializer_list<std::int64_t> dims) {
  const std::vector<float> zeros(element_count(dims));
  model::add_constant<float>(*model.mutable_graph(), name, dims, std::span<const float>(zeros));
}

TEST(Recognise, finds_the_weights_of_a_net_that_we_write) {
  const Net net = recognise(small_graph(true)).value();
  EXPECT_EQ(net.input, "tokens");
  EXPECT_EQ(net.output, "scores");
  EXPECT_EQ(net.vocabulary, kVocabulary);
  EXPECT_EQ(net.length, kLength);
  EXPECT_TRUE(net.mask);
  ASSERT_EQ(net.layers.size(), 1u);
  EXPECT_EQ(net.layers[0].units, kUnits);
  const model::TextLstm written = small_net(true);
  // ONNX has the gates as i, o, f, c; here they stand as i, f, o, g.
  const auto gate = [&](std::size_t which) {
    return std::vector<float>(written.bias.begin() + static_cast<std::ptrdiff_t>(which * kUnits),
                              written.bias.begin() + static_cast<std::ptrdiff_t>((which + 1) * kUnits));
  };
  std::vector<float> expected;
  for (const std::size_t which : {0u, 2u, 1u, 3u}) {
    const auto part = gate(which);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_EQ(net.layers[0].directions[0].bias, expected);
  EXPECT_EQ(net.head.back().activation, Activation::kSoftmax);
}

struct Change {
  const char* name;
  std::function<void(onnx::ModelProto&)> make;
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

class LookAlikes : public testing::TestWithParam<Change> {};

TEST_P(LookAlikes, are_left_to_the_general_engine) {
  onnx::ModelProto model = small_graph();
  ASSERT_TRUE(recognise(model));
  GetParam().make(model);
  const auto net = recognise(model);
  ASSERT_FALSE(net);
  EXPECT_EQ(net.error().code, Code::kUnimplemented) << net.error().message;
  EXPECT_EQ(make_sequence_engine()->load(model::serialise_onnx(model), {}).error().code,
            Code::kUnimplemented);
}

NodeProto& lstm(onnx::ModelProto& model) { return node_of(model, "LSTM"); }

void give(onnx::ModelProto& model, int input, const std::string& name) {
  NodeProto& node = lstm(model);
  while (node.input_size() <= input) node.add_input("");
  node.set_input(input, name);
}

INSTANTIATE_TEST_SUITE_P(
    all, LookAlikes,
    testing::Values(
        Change{"clip", [](auto& m) { attribute(lstm(m), "clip", AttributeProto::FLOAT).set_f(3); }},
        Change{"activations",
               [](auto& m) {
                 auto& list = attribute(lstm(m), "activations", AttributeProto::STRINGS);
                 for (const char* one : {"Sigmoid", "Relu", "Tanh"}) list.add_strings(one);
               }},
        Change{"layout", [](auto& m) { model::set_int(lstm(m), "layout", 1); }},
        Change{"input_forget", [](auto& m) { model::set_int(lstm(m), "input_forget", 1); }},
        Change{"a direction that there is not",
               [](auto& m) { attribute(lstm(m), "direction", AttributeProto::STRING).set_s("sideways"); }},
        Change{"peepholes",
               [](auto& m) {
                 constant(m, "peep", {1, 3 * kUnits});
                 give(m, 7, "peep");
               }},
        Change{"a state to begin with",
               [](auto& m) {
                 constant(m, "begin", {1, 1, kUnits});
                 give(m, 5, "begin");
               }},
        Change{"lengths from elsewhere", [](auto& m) { give(m, 4, "dense_bias"); }},
        Change{"units that do not fit", [](auto& m) { lstm(m).mutable_attribute(0)->set_i(5); }},
        Change{"no units", [](auto& m) { lstm(m).mutable_attribute(0)->set_i(0); }},
        Change{"more units than the kernels know",
               [](auto& m) { lstm(m).mutable_attribute(0)->set_i(1 << 30); }},
        Change{"weights that are not finite",
               [](auto& m) {
                 auto& table = *m.mutable_graph()->mutable_initializer(0);
                 const float infinity = std::numeric_limits<float>::infinity();
                 table.mutable_raw_data()->replace(0, sizeof infinity,
                                                   std::string(reinterpret_cast<const char*>(&infinity), 4));
               }},
        Change{"a table looked up along its columns",
               [](auto& m) { model::set_int(node_of(m, "Gather"), "axis", 1); }},
        Change{"a turn that is none",
               [](auto& m) { node_of(m, "Transpose").mutable_attribute(0)->set_ints(0, 0); }},
        Change{"a softmax over rows", [](auto& m) { node_of(m, "Softmax").mutable_attribute(0)->set_i(0); }},
        Change{"scaled sums",
               [](auto& m) { attribute(node_of(m, "Gemm"), "alpha", AttributeProto::FLOAT).set_f(2); }},
        Change{"an operator of another domain", [](auto& m) { lstm(m).set_domain("com.example"); }},
        Change{"an operator that is not known",
               [](auto& m) { node_of(m, "Softmax").set_op_type("Hardmax"); }},
        Change{"the state of the cell",
               [](auto& m) {
                 lstm(m).add_output("cell");
                 node_of(m, "Squeeze").set_input(0, "cell");
               }},
        Change{"an input that no node gives", [](auto& m) { node_of(m, "Squeeze").set_input(0, "nothing"); }},
        Change{"no length",
               [](auto& m) {
                 auto& dims = *m.mutable_graph()
                                   ->mutable_input(0)
                                   ->mutable_type()
                                   ->mutable_tensor_type()
                                   ->mutable_shape();
                 dims.mutable_dim(1)->set_dim_value(0);
               }},
        Change{"a fixed batch",
               [](auto& m) {
                 auto& dims = *m.mutable_graph()
                                   ->mutable_input(0)
                                   ->mutable_type()
                                   ->mutable_tensor_type()
                                   ->mutable_shape();
                 dims.mutable_dim(0)->set_dim_value(2);
               }},
        Change{"tokens that are floats",
               [](auto& m) {
                 m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
                     TensorProto::FLOAT);
               }},
        Change{"two outputs", [](auto& m) { *m.mutable_graph()->add_output() = m.graph().output(0); }},
        Change{"a newer opset", [](auto& m) { m.mutable_opset_import(0)->set_version(99); }}));

TEST(Recognise, a_gru_whose_reset_gate_comes_first_is_left_to_the_general_engine) {
  onnx::ModelProto model = small_graph();
  lstm(model).set_op_type("GRU");
  EXPECT_EQ(recognise(model).error().code, Code::kUnimplemented);
}

TEST(SequenceEngine, tokens_outside_the_vocabulary_are_refused_by_row_and_step) {
  const auto model = make_sequence_engine()->load(model::export_text_lstm(small_net(false)), {}).value();
  const std::vector<std::int32_t> good(kLength, 1), bad{1, 1, 1, 7, 1};
  std::vector<std::int32_t> tokens = good;
  tokens.insert(tokens.end(), bad.begin(), bad.end());
  const Tensor rows = Tensor::of<std::int32_t>({2, kLength}, std::span<const std::int32_t>(tokens));
  const auto refused = model->run(std::vector<TensorView>{rows});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("row 1, step 3: 7"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(model->run(std::vector<TensorView>{TensorView(rows, 0, 1)}));
}

/// The small net with rows of any length.
onnx::ModelProto open_graph() {
  onnx::ModelProto model = small_graph();
  auto& type = *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
  type.mutable_shape()->mutable_dim(1)->set_dim_param("T");
  return model;
}

TEST(SequenceEngine, rows_of_any_length_give_what_a_graph_of_their_length_gives) {
  const auto fixed = make_sequence_engine()->load(model::export_text_lstm(small_net(false)), {}).value();
  const auto open = make_sequence_engine()->load(model::serialise_onnx(open_graph()), {}).value();
  EXPECT_EQ(open->inputs()[0].shape, (Shape{-1, -1}));
  const auto scores = [](engine::LoadedModel& model, const std::vector<std::int32_t>& tokens) {
    const Shape shape{1, std::ssize(tokens)};
    const Tensor rows = Tensor::of<std::int32_t>(shape, std::span<const std::int32_t>(tokens));
    const auto results = model.run(std::vector<TensorView>{rows}).value();
    return results[0].data<float>()[0];
  };
  EXPECT_EQ(scores(*open, {0, 0, 3, 4, 5}), scores(*fixed, {0, 0, 3, 4, 5}));
  // The states over more padding than was tabulated come to rest.
  std::vector<std::int32_t> some(900), many(3'000);
  for (auto* row : {&some, &many}) row->insert(row->end(), {1, 2, 3});
  EXPECT_EQ(scores(*open, some), scores(*open, many));
}

TEST(Recognise, the_last_of_any_number_of_steps_is_not_cut_out_by_a_number) {
  const auto cut = [](std::int64_t end) {
    onnx::ModelProto model = open_graph();
    auto& graph = *model.mutable_graph();
    const std::int64_t numbers[] = {-1, end, 0, 1};
    model::add_constant<std::int64_t>(graph, "from", {1}, std::span(numbers).first(1));
    model::add_constant<std::int64_t>(graph, "to", {1}, std::span(numbers).subspan(1, 1));
    model::add_constant<std::int64_t>(graph, "along", {1}, std::span(numbers).subspan(2, 1));
    model::add_constant<std::int64_t>(graph, "single", {2}, std::span(numbers).last(2));
    lstm(model).set_output(0, "states");
    NodeProto& squeeze = node_of(model, "Squeeze");
    squeeze.set_input(0, "top");
    squeeze.set_input(1, "single");
    model::add_node(graph, "Slice", {"states", "from", "to", "along"}, "top");
    auto& nodes = *graph.mutable_node();
    for (int i = nodes.size() - 1; nodes[i - 1].op_type() != "LSTM"; --i) nodes.SwapElements(i, i - 1);
    return recognise(model);
  };
  const auto whole = cut(std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(whole) << whole.error().message;
  EXPECT_FALSE(cut(kLength));
  EXPECT_FALSE(cut(0));
}

TEST(SequenceEngine, a_row_without_tokens_is_refused) {
  const auto open = make_sequence_engine()->load(model::serialise_onnx(open_graph()), {}).value();
  const Tensor rows(DType::kInt32, {1, 0});
  const auto refused = open->run(std::vector<TensorView>{rows});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
}

TEST(SequenceEngine, one_score_a_row_may_have_no_axis_of_its_own) {
  const auto write = [](std::string_view activation, std::int64_t axis) {
    onnx::ModelProto model = small_graph();
    auto& graph = *model.mutable_graph();
    const std::string state = node_of(model, "Gemm").input(0);
    while (graph.node(graph.node_size() - 1).op_type() != "Gemm") graph.mutable_node()->RemoveLast();
    graph.mutable_node()->RemoveLast();
    constant(model, "one", {kUnits, 1});
    model::add_node(graph, "MatMul", {state, "one"}, "logit");
    model::add_constant<std::int64_t>(graph, "score_axis", {1}, std::span(&axis, 1));
    model::add_node(graph, "Squeeze", {"logit", "score_axis"}, "flat");
    model::add_node(graph, activation, {"flat"}, "scores");
    return model::serialise_onnx(model);
  };
  const auto loaded = make_sequence_engine()->load(write("Sigmoid", 1), {});
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->outputs()[0].shape, (Shape{-1}));
  const Tensor rows(DType::kInt32, {3, kLength});
  EXPECT_EQ((*loaded)->run(std::vector<TensorView>{rows}).value()[0].shape(), (Shape{3}));
  EXPECT_FALSE(make_sequence_engine()->load(write("Softmax", 1), {}));
  EXPECT_FALSE(make_sequence_engine()->load(write("Sigmoid", 0), {}));
}

TEST(SequenceEngine, an_unknown_precision_is_named) {
  const auto refused =
      make_sequence_engine()->load(model::export_text_lstm(small_net(false)), {.precision = "int4"});
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("int4"), std::string::npos);
}

}  // namespace
}  // namespace amas::engines::sequence
