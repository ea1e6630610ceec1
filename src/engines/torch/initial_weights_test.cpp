#include "engines/torch/initial_weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engines/torch/embedding.h"
#include "engines/torch/random.h"

namespace amas::engine::torch_lstm {
namespace {

double largest(std::span<const float> values) {
  double most = 0;
  for (const float value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

TEST(InitialWeights, are_drawn_within_the_limits_that_keras_documents) {
  LstmSettings s;
  s.vocabulary = 5'000;
  s.embedding = 48;
  s.units = 40;
  const auto weights = initial_weights(s);
  const auto table = weights[kTable].tensor.data<float>();
  EXPECT_LE(largest(table), 0.05);
  EXPECT_GT(largest(table), 0.0499);
  const double glorot = std::sqrt(6.0 / (48 + 160));
  EXPECT_LE(largest(weights[kKernel].tensor.data<float>()), glorot);
  EXPECT_GT(largest(weights[kKernel].tensor.data<float>()), 0.99 * glorot);
  EXPECT_LE(largest(weights[kDenseKernel].tensor.data<float>()), std::sqrt(6.0 / 41));
  EXPECT_EQ(largest(weights[kDenseBias].tensor.data<float>()), 0);
  const auto bias = weights[kBias].tensor.data<float>();
  for (std::size_t i = 0; i < bias.size(); ++i) EXPECT_EQ(bias[i], i >= 40 && i < 80 ? 1 : 0) << i;
}

TEST(InitialWeights, have_a_recurrent_kernel_with_orthonormal_columns) {
  LstmSettings s;
  s.vocabulary = 2;
  s.units = 33;
  const auto weights = initial_weights(s);
  const auto matrix = weights[kRecurrent].tensor.data<float>();
  for (std::size_t a = 0; a < 33; ++a)
    for (std::size_t b = a; b < 33; ++b) {
      double dot = 0;
      for (std::size_t row = 0; row < 132; ++row)
        dot += static_cast<double>(matrix[row * 33 + a]) * static_cast<double>(matrix[row * 33 + b]);
      EXPECT_NEAR(dot, a == b ? 1 : 0, 1e-6) << a << " " << b;  // float32 rounding of 132 products
    }
}

TEST(InitialWeights, differ_by_seed_and_are_the_same_for_the_same_seed) {
  LstmSettings s;
  s.vocabulary = 10;
  const auto values = [&](std::uint64_t seed) {
    s.seed = seed;
    const auto weights = initial_weights(s);
    const auto table = weights[kTable].tensor.data<float>();
    return std::vector<float>(table.begin(), table.end());
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
}

TEST(Random, draws_below_a_bound_evenly) {
  Random random(5, Stream::kShuffle, 0);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts[random.below(7)];
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - 10'000, 2) / 10'000;
  EXPECT_LT(chi_square, 22.46);  // 6 degrees of freedom: exceeded once in 1,000
}

TEST(Random, draws_normals_with_mean_zero_and_variance_one) {
  Random random(6, Stream::kWeights, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100'000; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 100'000, 0, 0.0104);            // 3.3 standard errors
  EXPECT_NEAR(squares / 100'000, 1, 3.3 * 0.0045);  // the same
}

TEST(Dropout, drops_its_share_keeps_the_mean_and_draws_the_same_again) {
  const Dropout dropout(0.2, Random(7, Stream::kDropout, 12));
  const std::vector<float> ones(100'001, 1.0F);
  std::vector<float> copied(ones.size()), again(ones.size());
  dropout.copy(ones, 0, copied.data());
  dropout.copy(std::span(ones).first(50'000), 0, again.data());
  dropout.copy(std::span(ones).subspan(50'000), 50'000, again.data() + 50'000);
  EXPECT_EQ(copied, again);
  const auto zeros = static_cast<double>(std::count(copied.begin(), copied.end(), 0.0F));
  EXPECT_NEAR(zeros / 100'001, 0.2, 0.0042);  // 3.3 standard errors
  EXPECT_NEAR(*std::max_element(copied.begin(), copied.end()), 1.25, 1e-4);
}

TEST(Dropout, drops_the_same_columns_of_a_row_in_all_its_steps) {
  const std::vector<std::int32_t> tokens = {1, 1, 1, 1, 1, 1};
  const std::vector<float> table(2 * 64, 1.0F);
  std::vector<float> embedded(3 * 2 * 64);
  gather_rows(TokenBatch(tokens, 3, false), table, Dropout(0.5, Random(7, Stream::kDropout, 0)), embedded);
  const std::vector<float> first(embedded.begin(), embedded.begin() + 128);
  for (std::ptrdiff_t step = 1; step < 3; ++step)
    EXPECT_EQ(std::vector<float>(embedded.begin() + step * 128, embedded.begin() + (step + 1) * 128), first);
  EXPECT_NE(std::vector<float>(first.begin(), first.begin() + 64),
            std::vector<float>(first.begin() + 64, first.end()));
}

TEST(TokenBatch, with_a_mask_ends_behind_the_longest_row) {
  const std::vector<std::int32_t> tokens = {3, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0};
  const TokenBatch masked(tokens, 5, true);
  EXPECT_EQ(masked.rows(), 3u);
  EXPECT_EQ(masked.steps(), 3u);
  EXPECT_EQ(masked.last_steps(), (std::vector<std::int64_t>{2, -1, 0}));
  EXPECT_EQ(TokenBatch(tokens, 5, false).steps(), 5u);
}

TEST(EmbeddingGradient, sums_over_equal_tokens_until_it_is_cleared) {
  const std::vector<std::int32_t> first = {1, 1, 2}, second = {2};
  const std::vector<float> ones(6, 1.0F);
  std::vector<float> table(8);
  EmbeddingGradient gradient(2);
  gradient.add(TokenBatch(first, 3, false), ones, Dropout::none(), table, {});
  EXPECT_EQ(table, (std::vector<float>{0, 0, 2, 2, 1, 1, 0, 0}));
  EXPECT_EQ(gradient.square_sum(table), 10);
  gradient.scale(table, 0.5F);
  EXPECT_EQ(table, (std::vector<float>{0, 0, 1, 1, 0.5F, 0.5F, 0, 0}));
  gradient.clear(table, {});
  gradient.add(TokenBatch(second, 1, false), std::span(ones).first(2), Dropout::none(), table, {});
  EXPECT_EQ(table, (std::vector<float>{0, 0, 0, 0, 1, 1, 0, 0}));
}

TEST(EmbeddingGradient, gives_adam_the_squares_of_each_occurrence) {
  const std::vector<std::int32_t> tokens = {1, 1, 2};
  const std::vector<float> gradients = {3, 1, -1, 2, 5, 4};
  std::vector<float> table(6), squares(6), second = {0, 0, 7, 8, 9, 10};
  EmbeddingGradient gradient(2);
  gradient.add(TokenBatch(tokens, 3, false), gradients, Dropout::none(), table, squares);
  EXPECT_EQ(squares, (std::vector<float>{0, 0, 10, 5, 25, 16}));
  const auto before = second;
  gradient.weigh_occurrences(table, squares, 0.999, second);
  for (std::size_t i = 0; i < second.size(); ++i)  // What one step of Adam makes of it:
    EXPECT_NEAR(0.999F * second[i] + 0.001F * table[i] * table[i], 0.999F * before[i] + 0.001F * squares[i],
                1e-5);
  gradient.clear(table, squares);
  EXPECT_EQ(squares, std::vector<float>(6));
}

}  // namespace
}  // namespace amas::engine::torch_lstm
