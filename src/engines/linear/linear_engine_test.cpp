#include "engines/linear/linear_engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/onnx.h"

namespace amas::engines {
namespace {

std::unique_ptr<engine::LoadedModel> load(const model::SparseLinear& linear) {
  auto model = make_linear_engine()->load(model::export_sparse_linear(linear), {});
  if (!model) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

const model::SparseLinear kTwoClasses{
    .features = 4, .dense = 1, .weights = {0, 2, -3, 0.5F}, .bias = {0.25F}};

Result<std::vector<Tensor>> run(engine::LoadedModel& model, Shape shape, std::vector<std::int32_t> indices,
                                std::vector<float> values) {
  const Tensor i = Tensor::of<std::int32_t>(shape, std::span<const std::int32_t>(indices));
  const Tensor v = Tensor::of<float>(shape, std::span<const float>(values));
  return model.run(std::vector<TensorView>{i, v});
}

TEST(LinearEngine, scores_are_the_sigmoid_of_the_rows_sum) {
  const auto model = load(kTwoClasses);
  const auto outputs = run(*model, {2, 3}, {1, 2, 0, 3, 0, 0}, {0.5F, 1, 0, 2, 0, 0}).value();
  const auto scores = outputs[0].data<float>();
  EXPECT_NEAR(scores[1], 1 / (1 + std::exp(-(0.25 + 1 - 3))), 1e-7);
  EXPECT_NEAR(scores[3], 1 / (1 + std::exp(-1.25)), 1e-7);
  EXPECT_NEAR(scores[0] + scores[1], 1, 1e-7);
}

TEST(LinearEngine, more_classes_are_a_softmax) {
  const auto model = load({.features = 2, .dense = 3, .weights = {0, 0, 0, 1, 2, 3}, .bias = {0.5F, 0, 0}});
  const auto outputs = run(*model, {1, 1}, {1}, {2}).value();
  const double sums[] = {2.5, 4, 6}, all = std::exp(2.5) + std::exp(4.0) + std::exp(6.0);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(outputs[0].data<float>()[i], std::exp(sums[i]) / all, 1e-7);
}

TEST(LinearEngine, features_outside_the_model_are_refused) {
  const auto model = load(kTwoClasses);
  EXPECT_EQ(run(*model, {1, 1}, {4}, {1}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(run(*model, {1, 1}, {-5}, {1}).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(run(*model, {1, 1}, {-1}, {1}));
}

TEST(LinearEngine, a_row_without_tensors_has_the_scores_of_the_same_row_in_tensors) {
  const model::SparseLinear three{
      .features = 3, .dense = 3, .weights = {0, 0, 0, 1, 2, 3, -1, 0.5F, 4}, .bias = {0.5F, 0, 0.1F}};
  for (const auto& linear : {kTwoClasses, three}) {
    const auto model = load(linear);
    const engine::SparseScorer* scorer = model->sparse_scorer();
    ASSERT_NE(scorer, nullptr);
    const std::vector<std::int32_t> indices{2, 1};
    const std::vector<float> values{0.25F, 0.75F};
    std::vector<float> scores(scorer->classes());
    ASSERT_TRUE(scorer->score({indices, values}, scores));
    const auto same = run(*model, {1, 3}, {2, 1, 0}, {0.25F, 0.75F, 0}).value();
    EXPECT_TRUE(std::ranges::equal(same[0].data<float>(), scores));
    ASSERT_TRUE(scorer->score({}, scores)) << "a text without a known word";
    EXPECT_TRUE(std::ranges::equal(run(*model, {1, 1}, {0}, {0}).value()[0].data<float>(), scores));
    const std::vector<std::int32_t> outside{99, 1};
    EXPECT_EQ(scorer->score({outside, values}, scores).error().code, Code::kInvalidArgument);
  }
}

TEST(LinearEngine, other_graphs_and_weights_that_are_not_finite_are_left_alone) {
  model::SparseLinear linear = kTwoClasses;
  linear.weights[1] = std::numeric_limits<float>::quiet_NaN();
  const auto engine = make_linear_engine();
  EXPECT_EQ(engine->load(model::export_sparse_linear(linear), {}).error().code, Code::kUnimplemented);
  const model::TextLstm net{.vocabulary = 2,
                            .embedding = 1,
                            .units = 1,
                            .dense = 1,
                            .length = 2,
                            .table = {0, 1},
                            .kernel = {1, 1, 1, 1},
                            .recurrent = {1, 1, 1, 1},
                            .bias = {0, 0, 0, 0},
                            .dense_kernel = {1},
                            .dense_bias = {0}};
  EXPECT_EQ(engine->load(model::export_text_lstm(net), {}).error().code, Code::kUnimplemented);
}

}  // namespace
}  // namespace amas::engines
