#pragma once

#include <cmath>
#include <optional>

namespace amas::engine {

/// The best epoch so far: the highest metric; of equal ones the least validation loss; of equal ones the
/// first.
struct BestEpoch {
  int epoch = 0;                 ///< 0 before the first
  std::optional<double> metric;  ///< none: undefined (NaN), which is less than any number
  double loss = 0;

  /// Takes this epoch if it is better; says whether it was.
  bool offer(int candidate, double candidate_metric, double candidate_loss) {
    const auto value = std::isnan(candidate_metric) ? std::nullopt : std::optional(candidate_metric);
    if (epoch > 0 && (value < metric || (value == metric && !(candidate_loss < loss)))) return false;
    epoch = candidate;
    metric = value;
    loss = candidate_loss;
    return true;
  }
};

}  // namespace amas::engine
