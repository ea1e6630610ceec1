#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::train {

/// Confusion counts of one class against the rest.
struct ClassScores {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  std::uint64_t support = 0;
};

/// A value with its 95 % confidence interval.
struct Interval {
  double value = 0;
  double low = 0;
  double high = 0;
};

/// How good predictions are. Where a metric is undefined it is what scikit-learn returns with
/// zero_division=0, or NaN. "precision", "recall", "f1", "pr_auc" are of the positive class (the last) for
/// two classes, macro means otherwise; "roc_auc" for more classes is one-vs-rest, macro.
struct Evaluation {
  std::uint64_t rows = 0;
  /// accuracy, macro_f1, precision, recall, f1, roc_auc, pr_auc (average precision), log_loss,
  /// baseline_accuracy. Intervals: Wilson for accuracy; DeLong for two-class roc_auc; the others by 1,000
  /// seeded bootstrap resamples.
  std::map<std::string, Interval> metrics;
  std::vector<ClassScores> classes;
  std::vector<std::vector<std::uint64_t>> confusion;  ///< [true][predicted]
};

/// The metrics that a spec can ask for, all "higher is better" but log_loss.
const std::vector<std::string>& metric_names();

/// Whether a lower value of this metric is better.
bool lower_is_better(std::string_view metric);

/// One metric's value without its interval; quick enough for every epoch.
///
/// `scores`: row-major [rows, classes], rows sum to 1. `truth`: class of each row.
/// Errors: kInvalidArgument for an unknown metric (names the nearest), when sizes differ, there are no rows,
/// or a class
///         or score is out of range (says which row).
Result<double> metric_value(std::string_view metric, std::span<const float> scores,
                            std::span<const std::int32_t> truth, std::int32_t classes);

/// All metrics with intervals. Deterministic.
///
/// Errors: as of metric_value.
Result<Evaluation> evaluate(std::span<const float> scores, std::span<const std::int32_t> truth,
                            std::int32_t classes);

}  // namespace amas::train
