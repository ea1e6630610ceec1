#include "engines/sequence/convolution_node.h"

#include <gtest/gtest.h>

#include <functional>

#include "engines/sequence/recognise.h"
#include "engines/sequence/sequence_engine.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::AttributeProto;
using onnx::NodeProto;
using onnx::TensorProto;

constexpr std::int64_t kVocabulary = 9, kEmbedding = 6, kFilters = 4, kWidth = 3, kLength = 10;

void weights(onnx::ModelProto& model, const std::string& name, std::initializer_list<std::int64_t> dims) {
  std::vector<float> values(element_count(dims));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.1F * static_cast<float>(i % 11) - 0.5F;
  model::add_constant<float>(*model.mutable_graph(), name, dims, std::span<const float>(values));
}

void integers(onnx::ModelProto& model, const std::string& name, std::vector<std::int64_t> values) {
  model::add_constant<std::int64_t>(*model.mutable_graph(), name, {std::ssize(values)},
                                    std::span<const std::int64_t>(values));
}

/// A text CNN of one branch, as Keras's converters write it.
onnx::ModelProto small_cnn(bool bias_apart = false) {
  auto model = model::empty_model("cnn");
  auto& graph = *model.mutable_graph();
  *graph.add_input() = model::make_value_info("tokens", TensorProto::INT32, {-1, kLength});
  weights(model, "table", {kVocabulary, kEmbedding});
  weights(model, "kernel", {kFilters, kEmbedding, kWidth});
  if (bias_apart) weights(model, "bias", {kFilters, 1});
  else weights(model, "bias", {kFilters});
  weights(model, "dense", {kFilters, 2});
  model::add_node(graph, "Gather", {"table", "tokens"}, "embedded");
  model::set_ints(model::add_node(graph, "Transpose", {"embedded"}, "channels"), "perm", {0, 2, 1});
  if (bias_apart) {
    model::add_node(graph, "Conv", {"channels", "kernel"}, "products");
    model::add_node(graph, "Add", {"bias", "products"}, "sums");
  } else {
    model::add_node(graph, "Conv", {"channels", "kernel", "bias"}, "sums");
  }
  model::add_node(graph, "Relu", {"sums"}, "active");
  auto& pool = model::add_node(graph, "MaxPool", {"active"}, "largest");
  model::set_ints(pool, "kernel_shape", {kLength - kWidth + 1});
  model::add_node(graph, "Flatten", {"largest"}, "vector");
  model::add_node(graph, "MatMul", {"vector", "dense"}, "logits");
  model::add_node(graph, "Softmax", {"logits"}, "scores");
  *graph.add_output() = model::make_value_info("scores", TensorProto::FLOAT, {-1, 2});
  return model;
}

NodeProto& node_of(onnx::ModelProto& model, std::string_view op) {
  for (NodeProto& node : *model.mutable_graph()->mutable_node())
    if (node.op_type() == op) return node;
  throw std::runtime_error("the graph lacks " + std::string(op));
}

NodeProto& conv(onnx::ModelProto& model) { return node_of(model, "Conv"); }

void say(NodeProto& node, std::string_view name, const std::string& value) {
  auto& made = *node.add_attribute();
  made.set_name(std::string(name));
  made.set_type(AttributeProto::STRING);
  made.set_s(value);
}

/// Puts another reduction in the place of MaxPool.
NodeProto& pool_by(onnx::ModelProto& model, const std::string& op) {
  NodeProto& node = node_of(model, "MaxPool");
  node.set_op_type(op);
  node.clear_attribute();
  return node;
}

TEST(ReadConvolution, finds_the_kernel_tap_by_tap) {
  const onnx::ModelProto model = small_cnn();
  const Net net = recognise(model).value();
  ASSERT_EQ(net.branches.size(), 1u);
  const Branch& branch = net.branches[0];
  EXPECT_EQ(branch.first.filters, kFilters);
  EXPECT_EQ(branch.first.width, kWidth);
  EXPECT_EQ(branch.first.activation, Activation::kRelu);
  EXPECT_EQ(branch.pooling, Pooling::kMax);
  const auto given = model::read_constant<float>(*model::find_constant(model.graph(), "kernel")).value();
  for (std::size_t filter = 0; filter < kFilters; ++filter)
    for (std::size_t i = 0; i < kEmbedding; ++i)
      for (std::size_t tap = 0; tap < kWidth; ++tap)
        EXPECT_EQ(branch.first.kernel[(tap * kFilters + filter) * kEmbedding + i],
                  given[(filter * kEmbedding + i) * kWidth + tap]);
}

struct Change {
  const char* name;
  std::function<void(onnx::ModelProto&)> make;
};

void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }

class SameMeaning : public testing::TestWithParam<Change> {};

TEST_P(SameMeaning, gives_the_same_net) {
  const Net expected = recognise(small_cnn()).value();
  onnx::ModelProto model = small_cnn();
  GetParam().make(model);
  const auto net = recognise(model);
  ASSERT_TRUE(net) << net.error().message;
  ASSERT_EQ(net->branches.size(), 1u);
  EXPECT_EQ(net->branches[0].first.kernel, expected.branches[0].first.kernel);
  EXPECT_EQ(net->branches[0].first.bias, expected.branches[0].first.bias);
  EXPECT_EQ(net->branches[0].first.activation, Activation::kRelu);
  EXPECT_EQ(net->branches[0].steps(kLength), kLength - kWidth + 1);
}

INSTANTIATE_TEST_SUITE_P(all, SameMeaning,
                         testing::Values(Change{"options that say what is so anyway",
                                                [](auto& m) {
                                                  model::set_ints(conv(m), "strides", {1});
                                                  model::set_ints(conv(m), "dilations", {1});
                                                  model::set_ints(conv(m), "pads", {0, 0});
                                                  model::set_ints(conv(m), "kernel_shape", {kWidth});
                                                  model::set_int(conv(m), "group", 1);
                                                  say(conv(m), "auto_pad", "VALID");
                                                }},
                                         Change{"a reduction whose axes are an input, as from opset 18 on",
                                                [](auto& m) {
                                                  m.mutable_opset_import(0)->set_version(18);
                                                  integers(m, "axes", {-1});
                                                  pool_by(m, "ReduceMax").add_input("axes");
                                                }},
                                         Change{"the activation behind the maximum",
                                                [](auto& m) {
                                                  NodeProto& relu = node_of(m, "Relu");
                                                  relu.set_op_type("Identity");
                                                  NodeProto& flat = node_of(m, "Flatten");
                                                  flat.set_op_type("Relu");
                                                  model::set_int(pool_by(m, "ReduceMax"), "keepdims", 0);
                                                  model::set_ints(*m.mutable_graph()->mutable_node(4), "axes",
                                                                  {2});
                                                }},
                                         Change{"a global pool",
                                                [](auto& m) { pool_by(m, "GlobalMaxPool"); }}));

TEST(ReadConvolution, finds_a_bias_that_stands_as_a_node_of_its_own) {
  const Net together = recognise(small_cnn()).value(), apart = recognise(small_cnn(true)).value();
  EXPECT_EQ(apart.branches[0].first.bias, together.branches[0].first.bias);
  EXPECT_EQ(apart.branches[0].first.activation, Activation::kRelu);
}

class CnnLookAlikes : public testing::TestWithParam<Change> {};

TEST_P(CnnLookAlikes, are_left_to_the_general_engine) {
  onnx::ModelProto model = small_cnn();
  ASSERT_TRUE(recognise(model));
  GetParam().make(model);
  const auto net = recognise(model);
  ASSERT_FALSE(net);
  EXPECT_EQ(net.error().code, Code::kUnimplemented) << net.error().message;
  EXPECT_EQ(make_sequence_engine()->load(model::serialise_onnx(model), {}).error().code,
            Code::kUnimplemented);
}

NodeProto& max_pool(onnx::ModelProto& model) { return node_of(model, "MaxPool"); }

/// A node that takes `input` and that nothing reads.
void dead_node(onnx::ModelProto& model, const char* op, const char* input) {
  model::add_node(*model.mutable_graph(), op, {input}, "dead");
}

INSTANTIATE_TEST_SUITE_P(
    all, CnnLookAlikes,
    testing::Values(
        Change{"strides", [](auto& m) { model::set_ints(conv(m), "strides", {2}); }},
        Change{"dilations", [](auto& m) { model::set_ints(conv(m), "dilations", {2}); }},
        Change{"groups", [](auto& m) { model::set_int(conv(m), "group", 2); }},
        Change{"another kernel_shape", [](auto& m) { model::set_ints(conv(m), "kernel_shape", {2}); }},
        Change{"steps cut off by pads",
               [](auto& m) {
                 model::set_ints(conv(m), "pads", {-1, 0});
               }},
        Change{"pads without a partner", [](auto& m) { model::set_ints(conv(m), "pads", {1}); }},
        Change{"padding that changes the length that is pooled",
               [](auto& m) { say(conv(m), "auto_pad", "SAME_UPPER"); }},
        Change{"an auto_pad that there is not", [](auto& m) { say(conv(m), "auto_pad", "SAME"); }},
        Change{"pads and auto_pad",
               [](auto& m) {
                 say(conv(m), "auto_pad", "VALID");
                 model::set_ints(conv(m), "pads", {1, 1});
               }},
        Change{"an option that is not known", [](auto& m) { model::set_int(conv(m), "flip", 1); }},
        Change{"steps taken for channels", [](auto& m) { node_of(m, "Transpose").set_op_type("Identity"); }},
        Change{"a second convolution", [](auto& m) { node_of(m, "Relu").set_op_type("Conv"); }},
        Change{"another activation", [](auto& m) { node_of(m, "Relu").set_op_type("Elu"); }},
        Change{"a softmax at each step", [](auto& m) { node_of(m, "Relu").set_op_type("Softmax"); }},
        Change{"an activation twice", [](auto& m) { node_of(m, "Flatten").set_op_type("Tanh"); }},
        Change{"part of the steps pooled",
               [](auto& m) { max_pool(m).mutable_attribute(0)->set_ints(0, kLength - kWidth); }},
        Change{"more than the steps pooled",
               [](auto& m) { max_pool(m).mutable_attribute(0)->set_ints(0, kLength); }},
        Change{"padded pooling",
               [](auto& m) {
                 model::set_ints(max_pool(m), "pads", {0, 1});
               }},
        Change{"pooling that keeps the length", [](auto& m) { say(max_pool(m), "auto_pad", "SAME_UPPER"); }},
        Change{"ceil_mode", [](auto& m) { model::set_int(max_pool(m), "ceil_mode", 1); }},
        Change{"dilated pooling", [](auto& m) { model::set_ints(max_pool(m), "dilations", {2}); }},
        Change{"where the largest stands", [](auto& m) { max_pool(m).add_output("where"); }},
        Change{"the least", [](auto& m) { model::set_ints(pool_by(m, "ReduceMin"), "axes", {2}); }},
        Change{"the largest channel", [](auto& m) { model::set_ints(pool_by(m, "ReduceMax"), "axes", {1}); }},
        Change{"the largest of all",
               [](auto& m) {
                 model::set_ints(pool_by(m, "ReduceMax"), "axes", {1, 2});
               }},
        Change{"a reduction over axes that are not said", [](auto& m) { pool_by(m, "ReduceMax"); }},
        Change{"a mean of sigmoids",
               [](auto& m) {
                 node_of(m, "Relu").set_op_type("Sigmoid");
                 pool_by(m, "GlobalAveragePool");
               }},
        Change{"an activation behind a mean",
               [](auto& m) {
                 node_of(m, "Relu").set_op_type("Identity");
                 model::set_ints(pool_by(m, "ReduceMean"), "axes", {2});
                 model::set_int(node_of(m, "ReduceMean"), "keepdims", 0);
                 node_of(m, "Flatten").set_op_type("Relu");
               }},
        Change{"a head read before its end",
               [](auto& m) { m.mutable_graph()->mutable_output(0)->set_name("logits"); }},
        Change{"a recurrent layer behind the head", [](auto& m) { dead_node(m, "LSTM", "embedded"); }},
        Change{"weights that do not fit", [](auto& m) {
                 weights(m, "narrow", {kFilters, kEmbedding - 1, kWidth});
                 conv(m).set_input(1, "narrow");
               }}));

/// Leaves the length of rows open.
void open_length(onnx::ModelProto& model) {
  auto& type = *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
  type.mutable_shape()->mutable_dim(1)->set_dim_param("T");
}

TEST(SequenceEngine, convolutions_take_rows_of_any_length_from_their_width_on) {
  auto model = small_cnn();
  open_length(model);
  EXPECT_FALSE(recognise(model));  // it pools ten steps, which may be some or all
  pool_by(model, "GlobalMaxPool");
  const auto loaded = make_sequence_engine()->load(model::serialise_onnx(model), {}).value();
  const auto run = [&](std::int64_t length) {
    const Tensor rows(DType::kInt32, {2, length});
    return loaded->run(std::vector<TensorView>{rows});
  };
  EXPECT_TRUE(run(kWidth));
  const auto refused = run(kWidth - 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("3 or more"), std::string::npos) << refused.error().message;
}

TEST(SequenceEngine, tables_that_would_be_too_large_are_left_to_the_general_engine) {
  auto model = small_cnn();
  auto& graph = *model.mutable_graph();
  for (const char* name : {"table", "kernel", "bias", "dense"})
    const_cast<TensorProto*>(model::find_constant(graph, name))->set_name(std::string("old ") + name);
  weights(model, "table", {30'000, kEmbedding});
  weights(model, "kernel", {2'000, kEmbedding, kWidth});
  weights(model, "bias", {2'000});
  weights(model, "dense", {2'000, 2});
  ASSERT_TRUE(recognise(model));
  const auto refused = make_sequence_engine()->load(model::serialise_onnx(model), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnimplemented);
  EXPECT_NE(refused.error().message.find("too large"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace amas::engines::sequence
