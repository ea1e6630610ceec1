#include "train/prediction_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace amas::train {
namespace {

Status check(std::span<const float> scores, std::span<const std::int32_t> truth, std::int32_t classes) {
  if (classes < 2) return invalid_argument(fmt::format("metrics need at least two classes, not {}", classes));
  if (truth.empty()) return invalid_argument("metrics need at least one row");
  const auto columns = static_cast<std::size_t>(classes);
  if (scores.size() != truth.size() * columns)
    return invalid_argument(
        fmt::format("scores and truth differ in size: {} scores for {} rows of {} classes", scores.size(),
                    truth.size(), classes));
  for (std::size_t row = 0; row < truth.size(); ++row) {
    if (truth[row] < 0 || truth[row] >= classes)
      return invalid_argument(fmt::format("class is out of range: {} in row {}; classes are 0 to {}",
                                          truth[row], row, classes - 1));
    for (const float score : scores.subspan(row * columns, columns))
      if (!std::isfinite(score))
        return invalid_argument(fmt::format("score is not finite: {} in row {}", score, row));
  }
  return {};
}

std::vector<PredictionSet::Ranked> rank_rows(std::span<const float> scores,
                                             std::span<const std::int32_t> truth, std::size_t classes,
                                             std::size_t column) {
  const auto score = [&](std::uint32_t row) { return scores[row * classes + column]; };
  std::vector<std::uint32_t> order(truth.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
  std::vector<PredictionSet::Ranked> ranked;
  ranked.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    ranked.push_back({order[i], truth[order[i]] == static_cast<std::int32_t>(column),
                      i + 1 == order.size() || score(order[i + 1]) < score(order[i])});
  return ranked;
}

double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }

struct Areas {
  double roc = 0;
  double precision_recall = 0;
};

// Area under the ROC curve (NaN when one side has no rows) and average precision (0 without positive rows).
Areas areas_of(std::span<const PredictionSet::Ranked> ranked, std::span<const std::uint32_t> weights) {
  std::uint64_t positives = 0, seen = 0;  // down to the current tie
  std::uint64_t tie_positives = 0, tie_rows = 0;
  double pairs_won = 0, precision_sum = 0;
  for (const auto& one : ranked) {
    tie_rows += weights[one.row];
    tie_positives += one.positive ? weights[one.row] : 0;
    if (!one.ends_tie) continue;
    const auto tie_negatives = static_cast<double>(tie_rows - tie_positives);
    pairs_won += tie_negatives * (static_cast<double>(positives) + 0.5 * static_cast<double>(tie_positives));
    positives += tie_positives;
    seen += tie_rows;
    precision_sum +=
        static_cast<double>(tie_positives) * ratio(static_cast<double>(positives), static_cast<double>(seen));
    tie_positives = tie_rows = 0;
  }
  const auto positive_rows = static_cast<double>(positives);
  const auto negative_rows = static_cast<double>(seen - positives);
  return {pairs_won / (positive_rows * negative_rows), ratio(precision_sum, positive_rows)};
}

}  // namespace

Result<PredictionSet> make_prediction_set(std::span<const float> scores, std::span<const std::int32_t> truth,
                                          std::int32_t classes, bool ranked) {
  AMAS_CHECK(check(scores, truth, classes));
  PredictionSet set;
  set.rows = truth.size();
  set.classes = static_cast<std::size_t>(classes);
  // As scikit-learn clips scores held in double precision.
  constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
  for (std::size_t row = 0; row < set.rows; ++row) {
    const auto own = scores.subspan(row * set.classes, set.classes);
    const auto predicted = static_cast<std::size_t>(std::ranges::max_element(own) - own.begin());
    const auto actual = static_cast<std::size_t>(truth[row]);
    set.cells.push_back(static_cast<std::uint32_t>(actual * set.classes + predicted));
    set.losses.push_back(-std::log(std::clamp(double{own[actual]}, kEpsilon, 1 - kEpsilon)));
  }
  if (!ranked) return set;
  for (std::size_t column = classes == 2 ? 1 : 0; column < set.classes; ++column)
    set.rankings.push_back(rank_rows(scores, truth, set.classes, column));
  return set;
}

std::vector<std::uint64_t> confusion_of(const PredictionSet& set, std::span<const std::uint32_t> weights) {
  std::vector<std::uint64_t> confusion(set.classes * set.classes);
  for (std::size_t row = 0; row < set.rows; ++row) confusion[set.cells[row]] += weights[row];
  return confusion;
}

std::vector<ClassScores> class_scores(std::span<const std::uint64_t> confusion, std::size_t classes) {
  std::vector<ClassScores> scores(classes);
  for (std::size_t i = 0; i < classes; ++i) {
    std::uint64_t predicted = 0;
    for (std::size_t j = 0; j < classes; ++j) {
      scores[i].support += confusion[i * classes + j];
      predicted += confusion[j * classes + i];
    }
    const auto hits = static_cast<double>(confusion[i * classes + i]);
    const auto actual = static_cast<double>(scores[i].support);
    scores[i].precision = ratio(hits, static_cast<double>(predicted));
    scores[i].recall = ratio(hits, actual);
    scores[i].f1 = ratio(2 * hits, static_cast<double>(predicted) + actual);
  }
  return scores;
}

MetricValues metric_values(const PredictionSet& set, std::span<const std::uint32_t> weights) {
  const std::vector<std::uint64_t> confusion = confusion_of(set, weights);
  const std::vector<ClassScores> scores = class_scores(confusion, set.classes);
  MetricValues values{};
  double rows = 0, hits = 0, present = 0;
  ClassScores sum;
  for (std::size_t i = 0; i < set.classes; ++i) {
    hits += static_cast<double>(confusion[i * set.classes + i]);
    rows += static_cast<double>(scores[i].support);
    // Like scikit-learn, a mean leaves out classes that are neither in the truth nor predicted.
    bool occurs = scores[i].support > 0;
    for (std::size_t j = 0; j < set.classes; ++j) occurs = occurs || confusion[j * set.classes + i] > 0;
    present += occurs ? 1 : 0;
    sum.precision += scores[i].precision;
    sum.recall += scores[i].recall;
    sum.f1 += scores[i].f1;
  }
  values[kAccuracy] = hits / rows;
  values[kMacroF1] = sum.f1 / present;
  const bool binary = set.classes == 2;
  values[kPrecision] = binary ? scores[1].precision : sum.precision / present;
  values[kRecall] = binary ? scores[1].recall : sum.recall / present;
  values[kF1] = binary ? scores[1].f1 : sum.f1 / present;
  double loss = 0;
  for (std::size_t row = 0; row < set.rows; ++row) loss += set.losses[row] * weights[row];
  values[kLogLoss] = loss / rows;
  for (const auto& ranking : set.rankings) {
    const Areas areas = areas_of(ranking, weights);
    values[kRocAuc] += areas.roc / static_cast<double>(set.rankings.size());
    values[kPrAuc] += areas.precision_recall / static_cast<double>(set.rankings.size());
  }
  return values;
}

}  // namespace amas::train
