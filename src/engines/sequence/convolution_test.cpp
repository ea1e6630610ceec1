#include "engines/sequence/convolution.h"

#include <gtest/gtest.h>

#include "engines/sequence/test_kernels.h"

namespace amas::engines::sequence {
namespace {

constexpr int kRows = 30, kEmbedding = 24, kLength = 40;

/// A branch drawn at random: `filters` 0 is the embedding itself.
struct Shape {
  int filters = 0, width = 1, front = 0, behind = 0;
  Pooling pooling = Pooling::kMax;
  Activation activation = Activation::kNone;
  std::vector<Shape> above{};
};

Convolution random_convolution(const Shape& shape, int channels, std::mt19937& random) {
  Convolution made{.filters = shape.filters,
                   .width = shape.width,
                   .front = shape.front,
                   .behind = shape.behind,
                   .activation = shape.activation};
  made.kernel = uniform(static_cast<std::size_t>(shape.width * shape.filters * channels), 0.3, random);
  made.bias = uniform(static_cast<std::size_t>(shape.filters), 0.3, random);
  return made;
}

Net random_net(const Shape& shape) {
  std::mt19937 random(11);
  Net net{.length = kLength, .vocabulary = kRows, .rows = kRows, .embedding = kEmbedding};
  net.table = uniform(kRows * kEmbedding, 0.7, random);
  Branch branch{.pooling = shape.pooling};
  if (shape.filters > 0) branch.first = random_convolution(shape, kEmbedding, random);
  else branch.first = {.filters = kEmbedding, .bias = std::vector<float>(kEmbedding)};
  for (const Shape& one : shape.above)
    branch.above.push_back(random_convolution(one, branch.last().filters, random));
  net.branches.push_back(std::move(branch));
  return net;
}

double plain_activation(Activation activation, double x) {
  return activation == Activation::kRelu   ? std::max(x, 0.0)
         : activation == Activation::kTanh ? std::tanh(x)
         : activation == Activation::kNone ? x
                                           : 1 / (1 + std::exp(-x));
}

using PlainSteps = std::vector<std::vector<double>>;

/// Written out in double, from the definition.
PlainSteps plain_convolution(const Convolution& one, const PlainSteps& below) {
  PlainSteps result;
  const auto channels = static_cast<int>(below[0].size()), length = static_cast<int>(below.size());
  for (int step = 0; step < one.steps(length); ++step) {
    std::vector<double>& values = result.emplace_back();
    for (int filter = 0; filter < one.filters; ++filter) {
      double x = static_cast<double>(one.bias[static_cast<std::size_t>(filter)]);
      for (int tap = 0; tap < one.width; ++tap) {
        const int at = step + tap - one.front;
        if (at < 0 || at >= length) continue;
        const auto& from = below[static_cast<std::size_t>(at)];
        for (int i = 0; i < channels; ++i)
          x += from[static_cast<std::size_t>(i)] *
               static_cast<double>(
                   one.kernel[static_cast<std::size_t>((tap * one.filters + filter) * channels + i)]);
      }
      values.push_back(plain_activation(one.activation, x));
    }
  }
  return result;
}

/// The same of all of a branch.
std::vector<double> plain_branch(const Net& net, std::span<const std::int32_t> tokens) {
  const Branch& branch = net.branches[0];
  PlainSteps steps;
  for (const std::int32_t token : tokens) {
    const auto row = net.table.begin() + token * kEmbedding;
    steps.emplace_back(row, row + kEmbedding);
  }
  if (!branch.first.kernel.empty()) steps = plain_convolution(branch.first, steps);
  for (const Convolution& one : branch.above) steps = plain_convolution(one, steps);
  EXPECT_EQ(std::ssize(steps), branch.steps(static_cast<int>(tokens.size())));
  std::vector<double> largest = steps[0], sum = steps[0];
  for (std::size_t step = 1; step < steps.size(); ++step)
    for (std::size_t i = 0; i < sum.size(); ++i) {
      sum[i] += steps[step][i];
      largest[i] = std::max(largest[i], steps[step][i]);
    }
  for (double& value : sum) value /= static_cast<double>(steps.size());
  return branch.pooling == Pooling::kMax ? largest : sum;
}

/// Rows of words, with none, some and many of them the same.
std::vector<std::vector<std::int32_t>> some_rows() {
  std::mt19937 random(5);
  std::vector<std::vector<std::int32_t>> rows;
  for (const unsigned words : {1u, 2u, 3u, static_cast<unsigned>(kRows)})
    for (const std::size_t filled : {std::size_t{0}, std::size_t{7}, std::size_t{kLength}}) {
      rows.emplace_back(kLength);
      for (std::size_t i = 0; i < filled; ++i)
        rows.back()[kLength - 1 - i] = static_cast<std::int32_t>(random() % words);
    }
  return rows;
}

std::vector<float> run(const Net& net, const Kernels& kernels, Precision precision,
                       std::span<const std::int32_t> tokens) {
  const auto folded = fold_branch(net.branches[0], net, precision, kernels).value();
  std::vector<float> result(static_cast<std::size_t>(net.branches[0].last().filters));
  run_branch(folded, kernels, tokens, result.data());
  return result;
}

class Branches : public testing::TestWithParam<Shape> {};

TEST_P(Branches, give_what_the_definition_gives) {
  const Net net = random_net(GetParam());
  const std::pair<Precision, double> bounds[] = {{Precision::kFloat32, 2e-6}, {Precision::kInt16, 2e-3}};
  for (const auto& row : some_rows()) {
    const auto expected = plain_branch(net, row);
    for (const auto& [precision, bound] : bounds) {
      const auto got = run(net, kPortableKernels, precision, row);
      for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], bound) << "filter " << i;
    }
  }
}

TEST_P(Branches, give_the_same_bits_on_every_processor) {
  const Net net = random_net(GetParam());
  for (const Kernels* kernels : {&kAvx2Kernels, &kAvx512Kernels}) {
    if (!processor_has(*kernels)) continue;
    for (const auto& row : some_rows())
      for (const Precision precision : {Precision::kFloat32, Precision::kInt16})
        EXPECT_EQ(run(net, *kernels, precision, row), run(net, kPortableKernels, precision, row))
            << kernels->name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    all, Branches,
    testing::Values(
        Shape{}, Shape{.pooling = Pooling::kMean}, Shape{.filters = 128, .width = 5},
        Shape{.filters = 1, .width = 1, .activation = Activation::kTanh},
        Shape{.filters = 17, .width = 3, .front = 1, .behind = 1, .activation = Activation::kRelu},
        Shape{.filters = 300, .width = 2, .behind = 4, .activation = Activation::kSigmoid},
        Shape{.filters = 33, .width = kLength},
        Shape{.filters = 100, .width = 4, .front = 3, .pooling = Pooling::kMean},
        Shape{.filters = 40, .width = 3, .pooling = Pooling::kMean, .activation = Activation::kRelu},
        Shape{.filters = 70,
              .width = 6,
              .front = 9,
              .pooling = Pooling::kMean,
              .activation = Activation::kTanh},
        Shape{.filters = 40,
              .width = 3,
              .activation = Activation::kRelu,
              .above = {{.filters = 70, .width = 5, .activation = Activation::kRelu}}},
        Shape{.filters = 100,
              .width = 9,
              .pooling = Pooling::kMean,
              .activation = Activation::kTanh,
              .above =
                  {{.filters = 16, .width = 3, .front = 1, .behind = 1, .activation = Activation::kSigmoid},
                   {.filters = 65, .width = 2, .front = 3, .activation = Activation::kRelu}}},
        Shape{.filters = 5,
              .width = 2,
              .front = 2,
              .activation = Activation::kSigmoid,
              .above = {{.filters = 3, .width = 1}, {.filters = 4, .width = 6, .behind = 2}}}));

TEST(RunBranch, long_rows_are_run_stretch_by_stretch) {
  std::mt19937 random(3);
  for (const Pooling pooling : {Pooling::kMax, Pooling::kMean}) {
    const Net net = random_net({.filters = 6,
                                .width = 3,
                                .front = 1,
                                .pooling = pooling,
                                .activation = Activation::kTanh,
                                .above = {{.filters = 5, .width = 4, .front = 2, .behind = 3},
                                          {.filters = 4, .width = 2, .front = 1, .behind = 1}}});
    // Around where one stretch becomes two, and three.
    for (const std::size_t length : {510u, 514u, 518u, 519u, 775u, 1'500u}) {
      std::vector<std::int32_t> row(length);
      for (std::int32_t& token : row) token = static_cast<std::int32_t>(random() % kRows);
      const auto expected = plain_branch(net, row);
      const auto got = run(net, kPortableKernels, Precision::kFloat32, row);
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 3e-6) << length;
    }
  }
}

TEST(RunBranch, values_too_small_to_be_scaled_are_zeros) {
  Net net = random_net({.filters = 6, .width = 2, .above = {{.filters = 5, .width = 2}}});
  for (float& value : net.table) value *= 1e-38F;
  std::ranges::fill(net.branches[0].first.bias, 0.0F);
  const std::vector<std::int32_t> row(kLength, 1);
  for (const Kernels* kernels : {&kPortableKernels, &kAvx2Kernels, &kAvx512Kernels}) {
    if (!processor_has(*kernels)) continue;
    EXPECT_EQ(run(net, *kernels, Precision::kInt16, row), net.branches[0].above[0].bias) << kernels->name;
  }
}

TEST(Branch, its_shortest_row_gives_every_convolution_a_step) {
  Branch branch{.first = {.width = 5}};
  EXPECT_EQ(branch.shortest(), 5);
  branch.above = {{.width = 3, .front = 4, .behind = 4}};
  EXPECT_EQ(branch.shortest(), 5);
  EXPECT_EQ(branch.steps(5), 7);
  branch.above.push_back({.width = 9});
  EXPECT_EQ(branch.shortest(), 7);
  EXPECT_EQ((Branch{.first = {.width = 2, .front = 9}}.shortest()), 1);
}

TEST(FoldBranch, convolutions_whose_values_could_leave_the_range_of_floats_are_left_to_the_general_engine) {
  const Shape relu{.filters = 8, .width = 2, .activation = Activation::kRelu};
  Net net = random_net({.filters = 8, .width = 3, .activation = Activation::kRelu, .above = {relu, relu}});
  for (Convolution& one : net.branches[0].above)
    for (float& value : one.kernel) value *= 1e15F;
  for (const Precision precision : {Precision::kFloat32, Precision::kInt16})
    EXPECT_EQ(fold_branch(net.branches[0], net, precision, kPortableKernels).error().code,
              Code::kUnimplemented);
  net.branches[0].above[0].activation = Activation::kTanh;
  EXPECT_TRUE(fold_branch(net.branches[0], net, Precision::kFloat32, kPortableKernels));
}

TEST(RunBranch, a_masked_mean_reads_the_tokens_above_0_alone) {
  Net net = random_net({.pooling = Pooling::kMaskedMean});
  const std::vector<std::int32_t> row{0, 3, 0, 5, 0}, words{3, 5}, none{0, 0};
  const auto got = run(net, kPortableKernels, Precision::kFloat32, row);
  EXPECT_TRUE(std::isnan(run(net, kPortableKernels, Precision::kFloat32, none)[0]));
  net.branches[0].least = 1e-9F;
  EXPECT_EQ(run(net, kPortableKernels, Precision::kFloat32, none), std::vector<float>(kEmbedding));
  net.branches[0].pooling = Pooling::kMean;
  EXPECT_EQ(run(net, kPortableKernels, Precision::kFloat32, words), got);
}

TEST(FoldBranch, products_too_large_for_the_precision_are_left_to_the_general_engine) {
  Net net = random_net({.filters = 20, .width = 2, .pooling = Pooling::kMean});
  for (float& value : net.table) value *= 1e6F;
  EXPECT_TRUE(fold_branch(net.branches[0], net, Precision::kFloat32, kPortableKernels));
  EXPECT_EQ(fold_branch(net.branches[0], net, Precision::kInt16, kPortableKernels).error().code,
            Code::kUnimplemented);
  for (float& value : net.branches[0].first.kernel) value *= 1e34F;
  EXPECT_EQ(fold_branch(net.branches[0], net, Precision::kFloat32, kPortableKernels).error().code,
            Code::kUnimplemented);
}

TEST(FoldBranch, fixed_point_holds_the_largest_sum_of_all_taps) {
  // One token whose every tap is the largest there is, so that each sum is as large as it can become.
  Net net = random_net({.filters = 3, .width = 7});
  std::ranges::fill(net.branches[0].first.kernel, 1.0F);
  for (int i = 0; i < kEmbedding; ++i) {
    net.table[static_cast<std::size_t>(i)] = 1;
    net.table[static_cast<std::size_t>(kEmbedding + i)] = -1;
  }
  for (const std::int32_t token : {0, 1}) {
    const std::vector<std::int32_t> row(kLength, token);
    const auto expected = plain_branch(net, row);
    const auto got = run(net, kPortableKernels, Precision::kInt16, row);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 0.05);
  }
}

}  // namespace
}  // namespace amas::engines::sequence
