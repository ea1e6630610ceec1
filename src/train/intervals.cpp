#include "train/intervals.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace amas::train {
namespace {

constexpr double kZ = 1.959963984540054;  // the standard normal's 97.5 % point
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kResamples = 1000;

// Steele, Lea and Flood (2014).
class SplitMix64 {
 public:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }
  // A number below n; the bias of n / 2^64 is far below what 1,000 resamples can show.
  std::size_t below(std::size_t n) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::size_t>(static_cast<Wide>(next()) * n >> 64);
  }

 private:
  std::uint64_t state_ = 0;
};

// The value at `share` of the way through, linear between neighbours.
double percentile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const double above = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (above - sorted[below]) * (at - static_cast<double>(below));
}

// Sum and sum of squares of what each row of one side wins.
struct Moments {
  double count = 0;
  double sum = 0;
  double squares = 0;
  void add(double value, double times) {
    count += times;
    sum += value * times;
    squares += value * value * times;
  }
  double variance_of_mean() const { return std::max(0.0, squares - sum * sum / count) / (count - 1) / count; }
};

}  // namespace

Bounds wilson(std::uint64_t hits, std::uint64_t rows) {
  const auto n = static_cast<double>(rows);
  const double share = static_cast<double>(hits) / n;
  const double scale = 1 / (1 + kZ * kZ / n);
  const double middle = scale * (share + kZ * kZ / (2 * n));
  const double half = scale * kZ * std::sqrt(share * (1 - share) / n + kZ * kZ / (4 * n * n));
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

Bounds delong(std::span<const PredictionSet::Ranked> ranked) {
  double positive_rows = 0;
  for (const auto& one : ranked) positive_rows += one.positive ? 1 : 0;
  const double negative_rows = static_cast<double>(ranked.size()) - positive_rows;
  if (positive_rows == 0 || negative_rows == 0) return {kNan, kNan};
  if (positive_rows < 2 || negative_rows < 2) return {0, 1};
  Moments positives, negatives;
  double tie_positives = 0, tie_negatives = 0;
  for (const auto& one : ranked) {
    (one.positive ? tie_positives : tie_negatives) += 1;
    if (!one.ends_tie) continue;
    const double negatives_below = negative_rows - negatives.count - tie_negatives;
    const double positives_above = positives.count;
    positives.add((negatives_below + 0.5 * tie_negatives) / negative_rows, tie_positives);
    negatives.add((positives_above + 0.5 * tie_positives) / positive_rows, tie_negatives);
    tie_positives = tie_negatives = 0;
  }
  const double area = positives.sum / positive_rows;
  const double half = kZ * std::sqrt(positives.variance_of_mean() + negatives.variance_of_mean());
  return {std::max(0.0, area - half), std::min(1.0, area + half)};
}

std::array<Bounds, kMetricCount> bootstrap(const PredictionSet& set) {
  std::array<std::vector<double>, kMetricCount> samples;
  std::vector<std::uint32_t> weights;
  SplitMix64 random;
  for (std::size_t resample = 0; resample < kResamples; ++resample) {
    weights.assign(set.rows, 0);
    for (std::size_t draw = 0; draw < set.rows; ++draw) ++weights[random.below(set.rows)];
    const MetricValues values = metric_values(set, weights);
    for (std::size_t metric = 0; metric < kMetricCount; ++metric)
      if (!std::isnan(values[metric])) samples[metric].push_back(values[metric]);
  }
  std::array<Bounds, kMetricCount> bounds;
  for (std::size_t metric = 0; metric < kMetricCount; ++metric) {
    auto& values = samples[metric];
    std::sort(values.begin(), values.end());
    bounds[metric] =
        values.empty() ? Bounds{kNan, kNan} : Bounds{percentile(values, 0.025), percentile(values, 0.975)};
  }
  return bounds;
}

}  // namespace amas::train
