#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engines/torch/initial_weights.h"

/// The oracle of these tests: Embedding → LSTM → Dense written out in double after Keras's documentation, one
/// value at a time. Gates in the order i, f, g, o.
namespace amas::engine::torch_lstm {

using PlainWeights = std::vector<std::vector<double>>;  ///< in the order of Parameter

/// The logistic function.
inline double plain_sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The last layer's output of one row.
inline std::vector<double> plain_logits(const LstmSettings& s, const PlainWeights& w,
                                        std::span<const std::int32_t> tokens) {
  const auto E = static_cast<std::size_t>(s.embedding), H = static_cast<std::size_t>(s.units);
  std::size_t steps = tokens.size();
  if (s.mask)
    while (steps > 0 && tokens[steps - 1] == 0) --steps;
  std::vector<double> hidden(H), cell(H), gates(4 * H);
  for (std::size_t t = 0; t < steps; ++t) {
    const double* x = w[kTable].data() + static_cast<std::size_t>(tokens[t]) * E;
    for (std::size_t g = 0; g < 4 * H; ++g) {
      gates[g] = w[kBias][g];
      for (std::size_t e = 0; e < E; ++e) gates[g] += w[kKernel][g * E + e] * x[e];
      for (std::size_t h = 0; h < H; ++h) gates[g] += w[kRecurrent][g * H + h] * hidden[h];
    }
    for (std::size_t h = 0; h < H; ++h) {
      cell[h] = plain_sigmoid(gates[H + h]) * cell[h] + plain_sigmoid(gates[h]) * std::tanh(gates[2 * H + h]);
      hidden[h] = plain_sigmoid(gates[3 * H + h]) * std::tanh(cell[h]);
    }
  }
  std::vector<double> logits = w[kDenseBias];
  for (std::size_t d = 0; d < logits.size(); ++d)
    for (std::size_t h = 0; h < H; ++h) logits[d] += w[kDenseKernel][d * H + h] * hidden[h];
  return logits;
}

/// P(class) of one row.
inline std::vector<double> plain_scores(const std::vector<double>& logits) {
  if (logits.size() == 1) return {1 - plain_sigmoid(logits[0]), plain_sigmoid(logits[0])};
  std::vector<double> scores;
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit);
  for (const double logit : logits) scores.push_back(std::exp(logit) / sum);
  return scores;
}

/// Mean log loss over rows.
inline double plain_loss(const LstmSettings& s, const PlainWeights& w, std::span<const std::int32_t> tokens,
                         std::span<const std::int32_t> targets) {
  const auto length = static_cast<std::size_t>(s.length);
  double sum = 0;
  for (std::size_t row = 0; row < targets.size(); ++row)
    sum -= std::log(plain_scores(
        plain_logits(s, w, tokens.subspan(row * length, length)))[static_cast<std::size_t>(targets[row])]);
  return sum / static_cast<double>(targets.size());
}

}  // namespace amas::engine::torch_lstm
