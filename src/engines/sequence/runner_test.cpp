#include "engines/sequence/runner.h"

#include <gtest/gtest.h>

#include "engines/sequence/test_kernels.h"

namespace amas::engines::sequence {
namespace {

constexpr int kVocabulary = 50, kEmbedding = 24, kLength = 20;

struct Shape {
  Cell cell = Cell::kLstm;
  int units = 0, layers = 1, directions = 1;
  bool fold = true, mask = false;
};

struct Weights {
  std::vector<float> table;
  std::vector<RecurrentLayer> layers;
};

Weights random_weights(const Shape& shape) {
  std::mt19937 random(17);
  Weights weights{uniform(kVocabulary * kEmbedding, 0.5, random), {}};
  int input = kEmbedding;
  for (int i = 0; i < shape.layers; ++i) {
    RecurrentLayer layer{.cell = shape.cell, .units = shape.units, .input = input};
    const auto gates = static_cast<std::size_t>(gates_of(shape.cell)),
               units = static_cast<std::size_t>(shape.units);
    for (int d = 0; d < shape.directions; ++d) {
      Direction direction;
      direction.reverse = d == 1;
      direction.kernel =
          uniform(gates * units * static_cast<std::size_t>(input), std::sqrt(3.0 / input), random);
      direction.recurrent = uniform(gates * units * units, std::sqrt(2.0 / shape.units), random);
      direction.bias = uniform(gates * units, 0.5, random);
      if (shape.cell == Cell::kGru) direction.state_bias = uniform(units, 0.5, random);
      layer.directions.push_back(std::move(direction));
    }
    weights.layers.push_back(std::move(layer));
    input = shape.units * shape.directions;
  }
  return weights;
}

PackedNet pack(const Shape& shape, const Weights& weights, Precision precision, const Kernels& kernels) {
  PackedNet net{.kernels = &kernels, .precision = precision, .length = kLength, .mask = shape.mask};
  for (const RecurrentLayer& layer : weights.layers) {
    LayerInput input;
    if (net.layers.empty()) input = {weights.table, {}, shape.fold};
    else input.parts.assign(static_cast<std::size_t>(shape.directions), shape.units);
    std::vector<PackedDirection> directions;
    for (const Direction& direction : layer.directions)
      directions.push_back(pack_direction(layer, direction, input, precision, kernels));
    net.layers.push_back(std::move(directions));
    net.units.push_back(layer.units);
  }
  return net;
}

using Steps = std::vector<std::vector<double>>;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// One direction written out in double, from the textbook; returns its states in the order of the steps.
Steps plain_direction(const RecurrentLayer& layer, const Direction& direction, const Steps& steps) {
  const auto units = static_cast<std::size_t>(layer.units), input = static_cast<std::size_t>(layer.input);
  std::vector<double> h(units), c(units);
  Steps states(steps.size());
  for (std::size_t count = 0; count < steps.size(); ++count) {
    const std::size_t at = direction.reverse ? steps.size() - 1 - count : count;
    const auto sum = [&](std::size_t gate, std::size_t unit) {
      const std::size_t row = gate * units + unit;
      std::pair<double, double> sums(direction.bias[row], 0);
      for (std::size_t i = 0; i < input; ++i)
        sums.first += static_cast<double>(direction.kernel[row * input + i]) * steps[at][i];
      for (std::size_t i = 0; i < units; ++i)
        sums.second += static_cast<double>(direction.recurrent[row * units + i]) * h[i];
      return sums;
    };
    const auto gate = [&](std::size_t which, std::size_t unit) {
      const auto sums = sum(which, unit);
      return sums.first + sums.second;
    };
    std::vector<double> next(units);
    for (std::size_t unit = 0; unit < units; ++unit) {
      if (layer.cell == Cell::kLstm) {
        c[unit] = sigmoid(gate(1, unit)) * c[unit] + sigmoid(gate(0, unit)) * std::tanh(gate(3, unit));
        next[unit] = sigmoid(gate(2, unit)) * std::tanh(c[unit]);
      } else {
        const auto n = sum(2, unit);
        const double z = sigmoid(gate(0, unit));
        const double fresh = std::tanh(
            n.first + sigmoid(gate(1, unit)) * (n.second + static_cast<double>(direction.state_bias[unit])));
        next[unit] = (1 - z) * fresh + z * h[unit];
      }
    }
    states[at] = h = next;
  }
  return states;
}

std::vector<double> plain_last(const Shape& shape, const Weights& weights,
                               std::span<const std::int32_t> tokens) {
  Steps steps;
  for (const std::int32_t token : tokens) {
    if (shape.mask && token == 0) continue;
    const auto row = weights.table.begin() + token * kEmbedding;
    steps.emplace_back(row, row + kEmbedding);
  }
  std::vector<double> last;
  for (const RecurrentLayer& layer : weights.layers) {
    Steps above(steps.size());
    last.clear();
    for (const Direction& direction : layer.directions) {
      const Steps states = plain_direction(layer, direction, steps);
      for (std::size_t i = 0; i < steps.size(); ++i)
        above[i].insert(above[i].end(), states[i].begin(), states[i].end());
      const std::vector<double> none(static_cast<std::size_t>(layer.units));
      const auto& end = steps.empty() ? none : direction.reverse ? states.front() : states.back();
      last.insert(last.end(), end.begin(), end.end());
    }
    steps = std::move(above);
  }
  return last;
}

/// Rows with none, some and all of their tokens, in front and behind.
std::vector<std::int32_t> some_rows(std::size_t rows, bool behind) {
  std::mt19937 random(5);
  std::vector<std::int32_t> tokens(rows * kLength);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t filled = row == 0 ? 0 : row == 1 ? kLength : random() % kLength;
    for (std::size_t i = 0; i < filled; ++i)
      tokens[row * kLength + (behind ? i : kLength - 1 - i)] =
          static_cast<std::int32_t>(1 + random() % (kVocabulary - 1));
  }
  return tokens;
}

std::vector<float> run(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> tokens) {
  const std::size_t rows = tokens.size() / kLength;
  std::vector<float> last(rows * static_cast<std::size_t>(net.units.back()) * net.layers.back().size());
  run_layers(net, pads, tokens, rows, last.data());
  return last;
}

class Shapes : public testing::TestWithParam<Shape> {};

TEST_P(Shapes, states_are_those_of_the_textbook) {
  const Shape shape = GetParam();
  const Weights weights = random_weights(shape);
  const auto tokens = some_rows(40, shape.mask);
  const std::pair<Precision, double> bounds[] = {
      {Precision::kFloat32, 2e-6}, {Precision::kInt16, 2e-3}, {Precision::kInt8, 0.08}};
  for (const auto& [precision, bound] : bounds) {
    const PackedNet net = pack(shape, weights, precision, kPortableKernels);
    const auto last = run(net, PadStates(net), tokens);
    const std::size_t width = last.size() / 40;
    for (std::size_t row = 0; row < 40; ++row) {
      const auto expected = plain_last(shape, weights, std::span(tokens).subspan(row * kLength, kLength));
      for (std::size_t i = 0; i < width; ++i)
        ASSERT_NEAR(last[row * width + i], expected[i], bound) << "row " << row << ", unit " << i;
    }
  }
}

TEST_P(Shapes, float32_and_int16_give_the_same_bits_on_every_processor) {
  const Shape shape = GetParam();
  const Weights weights = random_weights(shape);
  const auto tokens = some_rows(40, shape.mask);
  for (const Precision precision : {Precision::kFloat32, Precision::kInt16}) {
    const PackedNet plain = pack(shape, weights, precision, kPortableKernels);
    const auto expected = run(plain, PadStates(plain), tokens);
    for (const Kernels* kernels : {&kAvx2Kernels, &kAvx512Kernels}) {
      if (!processor_has(*kernels)) continue;
      const PackedNet net = pack(shape, weights, precision, *kernels);
      EXPECT_EQ(run(net, PadStates(net), tokens), expected) << kernels->name;
    }
  }
}

TEST_P(Shapes, a_row_alone_gives_the_bits_that_it_gives_among_others) {
  const Shape shape = GetParam();
  const Weights weights = random_weights(shape);
  const auto tokens = some_rows(40, shape.mask);
  for (const Kernels* kernels : {&kPortableKernels, &kAvx2Kernels, &kAvx512Kernels}) {
    if (!processor_has(*kernels)) continue;
    const PackedNet net =
        pack(shape, weights, kernels->has_int8 ? Precision::kInt8 : Precision::kInt16, *kernels);
    const PadStates pads(net);
    const auto together = run(net, pads, tokens);
    const std::size_t width = together.size() / 40;
    for (std::size_t row = 0; row < 40; ++row) {
      const auto alone = run(net, pads, std::span(tokens).subspan(row * kLength, kLength));
      EXPECT_TRUE(std::ranges::equal(alone, std::span(together).subspan(row * width, width)))
          << "row " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    all, Shapes,
    testing::Values(Shape{.units = 64}, Shape{.cell = Cell::kGru, .units = 33},
                    Shape{.units = 17, .layers = 2}, Shape{.units = 130, .fold = false},
                    Shape{.cell = Cell::kGru, .units = 80, .directions = 2},
                    Shape{.units = 20, .layers = 3, .directions = 2}, Shape{.units = 40, .mask = true},
                    Shape{.cell = Cell::kGru, .units = 16, .layers = 2, .directions = 2, .mask = true}));

TEST(PadStates, skipping_them_changes_no_bit) {
  const Shape shape{.units = 48, .layers = 2};
  const Weights weights = random_weights(shape);
  const auto tokens = some_rows(40, false);
  for (const Precision precision : {Precision::kFloat32, Precision::kInt16, Precision::kInt8}) {
    PackedNet net = pack(shape, weights, precision, kPortableKernels);
    const PadStates pads(net);
    EXPECT_EQ(pads.skipped(7), 7);
    const auto skipped = run(net, pads, tokens);
    net.mask = true;  // a net that nothing is tabulated for
    const PadStates none(net);
    net.mask = false;
    EXPECT_EQ(none.skipped(7), 0);
    EXPECT_EQ(run(net, none, tokens), skipped);
  }
}

}  // namespace
}  // namespace amas::engines::sequence
