#include "train/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "train/intervals.h"
#include "train/prediction_set.h"

namespace amas::train {
namespace {

Result<std::size_t> index_of(std::string_view metric) {
  const auto& names = metric_names();
  const auto at = std::find(names.begin(), names.end(), metric);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  const auto near = nearest(metric, names);
  return invalid_argument(fmt::format("unknown metric: \"{}\"{}; known: {}", metric,
                                      near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                      fmt::join(names, ", ")));
}

}  // namespace

const std::vector<std::string>& metric_names() {
  // In the order of MetricIndex.
  static const std::vector<std::string> names{"accuracy", "macro_f1", "precision", "recall",
                                              "f1",       "roc_auc",  "pr_auc",    "log_loss"};
  return names;
}

bool lower_is_better(std::string_view metric) { return metric == "log_loss"; }

Result<double> metric_value(std::string_view metric, std::span<const float> scores,
                            std::span<const std::int32_t> truth, std::int32_t classes) {
  AMAS_TRY(const std::size_t index, index_of(metric));
  AMAS_TRY(const PredictionSet set,
           make_prediction_set(scores, truth, classes, index == kRocAuc || index == kPrAuc));
  return metric_values(set, std::vector<std::uint32_t>(set.rows, 1))[index];
}

Result<Evaluation> evaluate(std::span<const float> scores, std::span<const std::int32_t> truth,
                            std::int32_t classes) {
  AMAS_TRY(const PredictionSet set, make_prediction_set(scores, truth, classes, true));
  const std::vector<std::uint32_t> once(set.rows, 1);
  const MetricValues values = metric_values(set, once);
  const auto bounds = bootstrap(set);
  const std::vector<std::uint64_t> confusion = confusion_of(set, once);

  Evaluation evaluation;
  evaluation.rows = set.rows;
  evaluation.classes = class_scores(confusion, set.classes);
  for (auto at = confusion.begin(); at != confusion.end(); at += classes)
    evaluation.confusion.emplace_back(at, at + classes);
  for (std::size_t metric = 0; metric < kMetricCount; ++metric)
    evaluation.metrics[metric_names()[metric]] = {values[metric], bounds[metric].low, bounds[metric].high};

  std::uint64_t hits = 0, majority = 0;
  for (std::size_t i = 0; i < set.classes; ++i) {
    hits += evaluation.confusion[i][i];
    majority = std::max(majority, evaluation.classes[i].support);
  }
  const auto set_share = [&](const std::string& name, std::uint64_t count) {
    const Bounds own = wilson(count, set.rows);
    evaluation.metrics[name] = {static_cast<double>(count) / static_cast<double>(set.rows), own.low,
                                own.high};
  };
  set_share("accuracy", hits);
  set_share("baseline_accuracy", majority);
  if (classes == 2) {
    const Bounds own = delong(set.rankings[0]);
    evaluation.metrics["roc_auc"] = {values[kRocAuc], own.low, own.high};
  }
  return evaluation;
}

}  // namespace amas::train
