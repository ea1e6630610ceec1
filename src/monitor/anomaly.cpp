#include "monitor/anomaly.h"

#include <algorithm>
#include <cmath>

namespace amas::monitor {
namespace {

// The deviation of n points is itself known to about 1.2/√n of it; as much is added, lest it came out too
// small. Without that, 8 of 2,000 series of pure noise raised an alarm in their first 60 points, and 1 with
// it.
double deviation_allowance(std::size_t points) { return 1 + 1.2 / std::sqrt(static_cast<double>(points)); }

// A value this many standard deviations away fires at once.
constexpr double kWildZ = 12;

// The median absolute deviation of a normal distribution is this part of its standard deviation, inverted.
constexpr double kDeviationScale = 1.4826;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string_view anomaly_state_name(const AnomalyFinding& finding) {
  if (finding.is_learning()) return "learning";
  return finding.active ? "unusual" : "usual";
}

void Cusum::add(double z) {
  const double clipped = std::clamp(z, -kClip, kClip);
  up_ = std::clamp(up_ + clipped - kSlack, 0.0, kSumMax);
  down_ = std::clamp(down_ - clipped - kSlack, 0.0, kSumMax);
}

void Cusum::fire(double z) {
  double& side = z > 0 ? up_ : down_;
  side = std::max(side, kThreshold);
}

AnomalySeries::AnomalySeries(std::string name, const SeriesRules& rules, std::size_t baseline_points)
    : rules_(rules), capacity_(std::max<std::size_t>(baseline_points, 3)) {
  points_.reserve(capacity_);
  scratch_.reserve(capacity_);
  finding_.series = std::move(name);
  finding_.points_min = (capacity_ + 2) / 3 + 1;
}

void AnomalySeries::add(const SeriesPoint& point, std::int64_t now_us) {
  finding_.value = point.value;
  finding_.points = std::min(finding_.points + 1, finding_.points_min);
  if (!finding_.is_learning()) judge(point, now_us);
  if (points_.size() < capacity_) points_.push_back(point);
  else points_[next_] = point;
  next_ = (next_ + 1) % capacity_;
}

void AnomalySeries::settle() {
  cusum_ = {};
  finding_.score = 0;
  finding_.active = false;
  finding_.since_us = 0;
}

void AnomalySeries::judge(const SeriesPoint& point, std::int64_t now_us) {
  const auto median_of = [&](auto measure) {
    scratch_.clear();
    for (const SeriesPoint& old : points_) scratch_.push_back(measure(old));
    return median(scratch_);
  };
  finding_.baseline = median_of([](const SeriesPoint& old) { return old.value; });
  const double centre = median_of([](const SeriesPoint& old) { return old.y; });
  const double deviation = median_of([&](const SeriesPoint& old) { return std::abs(old.y - centre); });
  const double spread = kDeviationScale * deviation * deviation_allowance(points_.size());
  const double noise = std::max({spread, point.noise, rules_.noise_share * std::abs(centre)});
  double z = finding_.baseline < rules_.baseline_min ? 0 : (point.y - centre) / noise;
  if (!rules_.down) z = std::max(z, 0.0);
  cusum_.add(z);
  if (std::abs(z) >= kWildZ) cusum_.fire(z);
  finding_.score = std::max(cusum_.sum() / Cusum::kThreshold, std::abs(z) / kWildZ);
  if (!finding_.active && cusum_.sum() >= Cusum::kThreshold) {
    finding_.active = true;
    finding_.since_us = now_us;
  } else if (finding_.active && cusum_.sum() < Cusum::kThreshold / 2) {
    finding_.active = false;
    finding_.since_us = 0;
  }
}

}  // namespace amas::monitor
