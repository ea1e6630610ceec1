#include "engines/torch/lstm_export.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/onnx.h"

namespace amas::engine::torch_lstm {
namespace {

/// torch keeps its gates as i, f, g, o; ONNX as i, o, f, c, where c is torch's g.
std::vector<float> reorder_gates(std::span<const float> values) {
  constexpr std::array<std::size_t, 4> kFrom = {0, 3, 1, 2};
  const std::size_t block = values.size() / 4;
  std::vector<float> reordered;
  reordered.reserve(values.size());
  for (const std::size_t gate : kFrom) {
    const auto part = values.subspan(gate * block, block);
    reordered.insert(reordered.end(), part.begin(), part.end());
  }
  return reordered;
}

std::vector<float> transpose(std::span<const float> values, std::size_t rows, std::size_t columns) {
  std::vector<float> transposed(values.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) transposed[j * rows + i] = values[i * columns + j];
  return transposed;
}

/// log(1 + exp(x)) without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

double log_sum_exp(std::span<const float> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float value : row) sum += std::exp(static_cast<double>(value) - largest);
  return largest + std::log(sum);
}

}  // namespace

Result<std::string> export_net(const LstmSettings& settings, std::span<const ParameterView> parameters) {
  const auto copy_of = [&](Parameter which) {
    return std::vector<float>(parameters[which].scored.begin(), parameters[which].scored.end());
  };
  model::TextLstm net;
  net.vocabulary = settings.vocabulary;
  net.embedding = settings.embedding;
  net.units = settings.units;
  net.dense = settings.dense;
  net.length = settings.length;
  net.mask = settings.mask;
  net.table = copy_of(kTable);
  net.kernel = reorder_gates(parameters[kKernel].scored);
  net.recurrent = reorder_gates(parameters[kRecurrent].scored);
  net.bias = reorder_gates(parameters[kBias].scored);
  net.dense_kernel = transpose(parameters[kDenseKernel].scored, static_cast<std::size_t>(settings.dense),
                               static_cast<std::size_t>(settings.units));
  net.dense_bias = copy_of(kDenseBias);
  auto onnx = model::export_text_lstm(net);
  if (onnx.empty())
    return resource_exhausted("model is too large for an ONNX file; lower vocabulary, embedding or units");
  return onnx;
}

std::vector<float> scores_of(std::span<const float> logits, std::int64_t dense) {
  std::vector<float> scores;
  if (dense == 1) {
    for (const float logit : logits) {
      const auto positive = static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logit))));
      scores.insert(scores.end(), {1 - positive, positive});
    }
    return scores;
  }
  const auto classes = static_cast<std::size_t>(dense);
  for (std::size_t i = 0; i < logits.size(); i += classes) {
    const auto row = logits.subspan(i, classes);
    const double total = log_sum_exp(row);
    for (const float logit : row)
      scores.push_back(static_cast<float>(std::exp(static_cast<double>(logit) - total)));
  }
  return scores;
}

double log_loss_of(std::span<const float> logits, std::span<const std::int32_t> targets, std::int64_t dense) {
  double sum = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const auto target = static_cast<std::size_t>(targets[i]);
    if (dense == 1) {
      const auto logit = static_cast<double>(logits[i]);
      sum += softplus(target == 1 ? -logit : logit);
    } else {
      const auto row = logits.subspan(i * static_cast<std::size_t>(dense), static_cast<std::size_t>(dense));
      sum += log_sum_exp(row) - static_cast<double>(row[target]);
    }
  }
  return sum / static_cast<double>(targets.size());
}

}  // namespace amas::engine::torch_lstm
