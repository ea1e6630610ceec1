#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "train/metrics.h"

namespace amas::train {

/// The metrics in the order of metric_names(); one is the index of its value in a MetricValues.
enum MetricIndex : std::size_t {
  kAccuracy,
  kMacroF1,
  kPrecision,
  kRecall,
  kF1,
  kRocAuc,
  kPrAuc,
  kLogLoss,
  kMetricCount,
};

/// One value for each metric.
using MetricValues = std::array<double, kMetricCount>;

/// Predictions in the form from which every metric is computed in one pass: sorted once, so that a bootstrap
/// resample costs no sorting.
struct PredictionSet {
  /// A row in the order of falling score for some class.
  struct Ranked {
    std::uint32_t row;
    bool positive;  ///< the row is of that class
    bool ends_tie;  ///< the next row has a lower score, or there is none
  };

  std::size_t rows = 0;
  std::size_t classes = 0;
  std::vector<std::uint32_t>
      cells;  ///< of each row, its place truth × classes + predicted in the confusion matrix
  std::vector<double> losses;  ///< of each row, −ln of its true class's score
  /// For two classes one ranking, by the score of class 1; otherwise one a class. Empty when not asked for.
  std::vector<std::vector<Ranked>> rankings;
};

/// Prepares predictions. The predicted class is the first of those with the highest score.
///
/// `scores`: row-major [rows, classes]. `truth`: class of each row. `ranked`: whether rankings are needed.
/// Errors: kInvalidArgument when sizes differ, there are no rows, fewer than two classes, a class out of
/// range or a
///         score that is not finite (says which row).
Result<PredictionSet> make_prediction_set(std::span<const float> scores, std::span<const std::int32_t> truth,
                                          std::int32_t classes, bool ranked);

/// Computes all metrics where row i counts `weights[i]` times; those of rankings only where the set has them.
MetricValues metric_values(const PredictionSet& set, std::span<const std::uint32_t> weights);

/// The confusion matrix [truth × classes + predicted] where row i counts `weights[i]` times.
std::vector<std::uint64_t> confusion_of(const PredictionSet& set, std::span<const std::uint32_t> weights);

/// Precision, recall and F1 of each class in a confusion matrix; 0 where they are undefined.
std::vector<ClassScores> class_scores(std::span<const std::uint64_t> confusion, std::size_t classes);

}  // namespace amas::train
