#include "engines/sequence/mask_node.h"

#include <gtest/gtest.h>

#include "engines/sequence/recognise.h"
#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

using onnx::TensorProto;

/// What differs from a mean over the tokens above 0.
struct Variant {
  std::int64_t compared = 0, summed_axis = 1, counted_axis = 1;
  const char* comparison = "Greater";
  const char* divided_by = "bounded";
  float least = 1;
};

Result<Net> masked_mean(const Variant& variant) {
  auto model = model::empty_model("mean");
  auto& graph = *model.mutable_graph();
  const std::vector<float> numbers(6 * 4, 0.5F);
  const std::vector<std::int64_t> axes{variant.summed_axis, variant.counted_axis, -1};
  *graph.add_input() = model::make_value_info("tokens", TensorProto::INT64, {-1, 5});
  model::add_constant<float>(graph, "table", {6, 4}, std::span(numbers));
  model::add_constant<float>(graph, "dense", {4, 1}, std::span(numbers).first(4));
  model::add_constant<float>(graph, "least", {}, std::span(&variant.least, 1));
  model::add_constant<std::int64_t>(graph, "number", {}, std::span(&variant.compared, 1));
  model::add_constant<std::int64_t>(graph, "summed", {1}, std::span(axes).first(1));
  model::add_constant<std::int64_t>(graph, "counted", {1}, std::span(axes).subspan(1, 1));
  model::add_constant<std::int64_t>(graph, "behind", {1}, std::span(axes).last(1));
  model::add_node(graph, "Gather", {"table", "tokens"}, "rows");
  model::add_node(graph, variant.comparison, {"tokens", "number"}, "true");
  model::set_int(model::add_node(graph, "Cast", {"true"}, "present"), "to", TensorProto::FLOAT);
  model::add_node(graph, "Unsqueeze", {"present", "behind"}, "mask");
  model::add_node(graph, "Mul", {"rows", "mask"}, "masked");
  model::set_int(model::add_node(graph, "ReduceSum", {"masked", "summed"}, "sum"), "keepdims", 0);
  model::set_int(model::add_node(graph, "ReduceSum", {"mask", "counted"}, "count"), "keepdims", 0);
  model::add_node(graph, "Max", {"count", "least"}, "bounded");
  model::add_node(graph, "Div", {"sum", variant.divided_by}, "mean");
  model::add_node(graph, "MatMul", {"mean", "dense"}, "logit");
  model::add_node(graph, "Sigmoid", {"logit"}, "scores");
  *graph.add_output() = model::make_value_info("scores", TensorProto::FLOAT, {-1, 1});
  return recognise(model);
}

TEST(ReadMasked, finds_a_mean_over_the_tokens_above_0) {
  const Net bounded = masked_mean({}).value();
  ASSERT_EQ(bounded.branches.size(), 1u);
  EXPECT_EQ(bounded.branches[0].pooling, Pooling::kMaskedMean);
  EXPECT_EQ(bounded.branches[0].least, 1);
  EXPECT_TRUE(bounded.mask);
  EXPECT_EQ(masked_mean({.divided_by = "count"}).value().branches[0].least, 0);
}

TEST(ReadMasked, leaves_what_looks_alike_to_the_general_engine) {
  const Variant others[] = {{.compared = 1},         {.summed_axis = 2},
                            {.counted_axis = 0},     {.comparison = "Less"},
                            {.comparison = "Equal"}, {.least = 0},
                            {.least = -1},           {.divided_by = "least"},
                            {.divided_by = "mask"},  {.divided_by = "present"}};
  for (const Variant& other : others) {
    const auto net = masked_mean(other);
    ASSERT_FALSE(net);
    EXPECT_EQ(net.error().code, Code::kUnimplemented) << net.error().message;
  }
}

}  // namespace
}  // namespace amas::engines::sequence
