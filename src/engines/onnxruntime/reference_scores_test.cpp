#include "engines/onnxruntime/reference_scores.h"

#include <gtest/gtest.h>

#include <cmath>

namespace amas::engines::reference {
namespace {

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

/// One logit is a sigmoid's, which gives [1-p, p].
std::vector<double> probabilities(const std::vector<double>& logits) {
  if (logits.size() == 1) return {1 - sigmoid(logits[0]), sigmoid(logits[0])};
  double sum = 0;
  std::vector<double> result;
  for (const double z : logits) result.push_back(std::exp(z));
  for (const double value : result) sum += value;
  for (double& value : result) value /= sum;
  return result;
}

struct LstmState {
  std::vector<double> h, c;
};

void step(const model::TextLstm& net, std::span<const float> x, LstmState& state) {
  const auto units = static_cast<std::size_t>(net.units);
  std::vector<double> gates(4 * units);
  for (std::size_t g = 0; g < gates.size(); ++g) {
    gates[g] = net.bias[g];
    for (std::size_t e = 0; e < x.size(); ++e) gates[g] += double{net.kernel[g * x.size() + e]} * x[e];
    for (std::size_t u = 0; u < units; ++u) gates[g] += net.recurrent[g * units + u] * state.h[u];
  }
  for (std::size_t u = 0; u < units; ++u) {
    const double in = sigmoid(gates[u]), out = sigmoid(gates[units + u]),
                 forget = sigmoid(gates[2 * units + u]);
    state.c[u] = forget * state.c[u] + in * std::tanh(gates[3 * units + u]);
    state.h[u] = out * std::tanh(state.c[u]);
  }
}

}  // namespace

std::vector<double> scores(const model::TextLstm& net, std::span<const std::int32_t> tokens) {
  const auto units = static_cast<std::size_t>(net.units), embedding = static_cast<std::size_t>(net.embedding);
  const auto dense = static_cast<std::size_t>(net.dense);
  LstmState state{std::vector<double>(units, 0), std::vector<double>(units, 0)};
  for (const std::int32_t token : tokens)
    if (!net.mask || token != 0)
      step(net, std::span(net.table).subspan(static_cast<std::size_t>(token) * embedding, embedding), state);
  std::vector<double> logits(net.dense_bias.begin(), net.dense_bias.end());
  for (std::size_t u = 0; u < units; ++u)
    for (std::size_t d = 0; d < dense; ++d) logits[d] += state.h[u] * net.dense_kernel[u * dense + d];
  return probabilities(logits);
}

std::vector<double> scores(const model::SparseLinear& linear, std::span<const std::int32_t> indices,
                           std::span<const float> values) {
  const auto dense = static_cast<std::size_t>(linear.dense);
  std::vector<double> logits(linear.bias.begin(), linear.bias.end());
  for (std::size_t k = 0; k < indices.size(); ++k)
    for (std::size_t d = 0; d < dense; ++d)
      logits[d] += double{values[k]} * linear.weights[static_cast<std::size_t>(indices[k]) * dense + d];
  return probabilities(logits);
}

std::vector<float> normal(std::int64_t count, float deviation, std::mt19937& random) {
  std::normal_distribution<float> any(0, deviation);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = any(random);
  return values;
}

model::TextLstm random_net(model::TextLstm shape) {
  std::mt19937 random(1);
  shape.table = normal(shape.vocabulary * shape.embedding, 0.3F, random);
  shape.kernel = normal(4 * shape.units * shape.embedding, 0.2F, random);
  shape.recurrent = normal(4 * shape.units * shape.units, 0.2F, random);
  shape.bias = normal(4 * shape.units, 0.5F, random);
  shape.dense_kernel = normal(shape.units * shape.dense, 1, random);
  shape.dense_bias = normal(shape.dense, 0.2F, random);
  return shape;
}

Tensor random_tokens(std::int64_t rows, std::int64_t length, std::int64_t vocabulary) {
  std::mt19937 random(2);
  Tensor tokens(DType::kInt32, {rows, length});
  const auto values = tokens.data<std::int32_t>();
  for (std::int64_t i = 0; i < rows * length; ++i)
    if (i % length * rows < (i / length) * length + i % 2)
      values[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(1 + random() % (vocabulary - 1));
  return tokens;
}

namespace {

TEST(Reference, has_the_values_of_two_steps_worked_out_by_hand) {
  // One unit whose gates are all sigmoid(0) = 1/2 and whose new value is tanh(1) at each step: c is
  // tanh(1)/2, then tanh(1)/4 + tanh(1)/2.
  const model::TextLstm net{.vocabulary = 2,
                            .embedding = 1,
                            .units = 1,
                            .length = 2,
                            .table = {0, 1},
                            .kernel = {0, 0, 0, 1},
                            .recurrent = {0, 0, 0, 0},
                            .bias = {0, 0, 0, 0},
                            .dense_kernel = {2},
                            .dense_bias = {0.5F}};
  const std::vector<std::int32_t> tokens{1, 1};
  const double h = 0.5 * std::tanh(0.75 * std::tanh(1.0));
  EXPECT_NEAR(scores(net, tokens)[1], 1 / (1 + std::exp(-(2 * h + 0.5))), 1e-15);
}

}  // namespace
}  // namespace amas::engines::reference
