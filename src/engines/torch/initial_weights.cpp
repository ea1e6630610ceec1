#include "engines/torch/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "engines/torch/random.h"

namespace amas::engine::torch_lstm {
namespace {

Tensor uniform(Shape shape, double limit, Random random) {
  Tensor tensor(DType::kFloat32, std::move(shape));
  for (float& value : tensor.data<float>()) value = static_cast<float>((2 * random.uniform() - 1) * limit);
  return tensor;
}

double glorot(std::int64_t fan_in, std::int64_t fan_out) {
  return std::sqrt(6.0 / static_cast<double>(fan_in + fan_out));
}

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A [rows, columns] matrix with orthonormal columns (rows >= columns), uniform among them: Gram-Schmidt over
/// normal columns, each projected twice, which keeps them orthogonal to the last bit ("twice is enough",
/// Kahan and Parlett).
Tensor orthogonal(std::int64_t rows, std::int64_t columns, Random random) {
  const auto height = static_cast<std::size_t>(rows);
  std::vector<std::vector<double>> basis;
  while (basis.size() < static_cast<std::size_t>(columns)) {
    std::vector<double> column(height);
    std::generate(column.begin(), column.end(), [&] { return random.normal(); });
    for (int pass = 0; pass < 2; ++pass)
      for (const auto& other : basis) {
        const double along = dot(column, other);
        for (std::size_t i = 0; i < height; ++i) column[i] -= along * other[i];
      }
    const double norm = std::sqrt(dot(column, column));
    if (norm < 1e-6) continue;
    for (double& value : column) value /= norm;
    basis.push_back(std::move(column));
  }
  Tensor tensor(DType::kFloat32, {rows, columns});
  auto values = tensor.data<float>();
  for (std::size_t i = 0; i < height; ++i)
    for (std::size_t j = 0; j < basis.size(); ++j)
      values[i * basis.size() + j] = static_cast<float>(basis[j][i]);
  return tensor;
}

}  // namespace

std::vector<NamedTensor> initial_weights(const LstmSettings& s) {
  const auto stream = [&](Parameter which) { return Random(s.seed, Stream::kWeights, which); };
  const std::int64_t gates = 4 * s.units;
  Tensor bias(DType::kFloat32, {gates});
  const auto forget =
      bias.data<float>().subspan(static_cast<std::size_t>(s.units), static_cast<std::size_t>(s.units));
  std::fill(forget.begin(), forget.end(), 1.0F);

  std::vector<NamedTensor> weights(kParameters);
  weights[kTable] = {"embedding/table", uniform({s.vocabulary, s.embedding}, 0.05, stream(kTable))};
  weights[kKernel] = {"lstm/kernel",
                      uniform({gates, s.embedding}, glorot(s.embedding, gates), stream(kKernel))};
  weights[kRecurrent] = {"lstm/recurrent", orthogonal(gates, s.units, stream(kRecurrent))};
  weights[kBias] = {"lstm/bias", std::move(bias)};
  weights[kDenseKernel] = {"dense/kernel",
                           uniform({s.dense, s.units}, glorot(s.units, s.dense), stream(kDenseKernel))};
  weights[kDenseBias] = {"dense/bias", Tensor(DType::kFloat32, {s.dense})};
  return weights;
}

}  // namespace amas::engine::torch_lstm
