#include "monitor/request_series.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace amas::monitor {
namespace {

constexpr std::size_t kPointRequestsMin = 10;

// Latency is judged by its logarithm; machines are never steadier than 15 % from second to second.
constexpr double kLatencyNoise = 0.15;

// Traffic is judged by twice its square root, which makes Poisson counts normal with deviation 1 (Anscombe
// 1948). A tenth of that, or a fifth of the traffic, is what callers vary by themselves; below five requests
// a tick there is no usual traffic to speak of.
constexpr SeriesRules kTrafficRules{.down = true, .noise_share = 0.1, .baseline_min = 5};

double traffic_scale(double requests) { return 2 * std::sqrt(requests + 0.375); }

// The arcsine of a share's root makes binomial counts normal with deviation 1/√n (Anscombe 1948).
double share_scale(double part, double whole) {
  return 2 * std::asin(std::sqrt((part + 0.375) / (whole + 0.75)));
}

}  // namespace

std::size_t LatencyCounts::bucket_of(std::uint64_t latency_us) {
  if (latency_us < (1u << kSubBits)) return latency_us;
  const auto shift = static_cast<std::size_t>(std::bit_width(latency_us)) - kSubBits - 1;
  return (shift << kSubBits) + (latency_us >> shift);
}

double LatencyCounts::middle_of(std::size_t bucket) {
  if (bucket < (2u << kSubBits)) return static_cast<double>(bucket);
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const std::uint64_t low = std::uint64_t{(bucket & ((1u << kSubBits) - 1)) | (1u << kSubBits)} << shift;
  return static_cast<double>(low) + 0.5 * static_cast<double>(std::uint64_t{1} << shift);
}

void LatencyCounts::add(std::int64_t latency_us) {
  constexpr std::int64_t kMost = (std::int64_t{1} << 32) - 1;
  ++counts_[bucket_of(static_cast<std::uint64_t>(std::clamp<std::int64_t>(latency_us, 0, kMost)))];
}

double LatencyCounts::quantile(const LatencyCounts& other, double q) const {
  double total = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) total += double{1} * counts_[i] + other.counts_[i];
  const double rank = std::max(1.0, std::ceil(q * total));
  double below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    below += double{1} * counts_[i] + other.counts_[i];
    if (below >= rank) return middle_of(i);
  }
  return 0;
}

RequestSeries::RequestSeries(std::int64_t tick_us, std::size_t baseline_ticks, const Clock& clock)
    : clock_(clock),
      tick_us_(std::max<std::int64_t>(tick_us, 1)),
      tick_end_us_(clock.steady_us() + tick_us_),
      baseline_ticks_(std::max<std::size_t>(baseline_ticks, 3)),
      latency_("latency", {}, baseline_ticks),
      error_rate_("error_rate", {.down = false}, baseline_ticks),
      traffic_("traffic", kTrafficRules, baseline_ticks) {}

void RequestSeries::add(bool ok, std::int64_t latency_us) {
  advance();
  const double log_latency = std::log(static_cast<double>(std::max<std::int64_t>(latency_us, 1)));
  ++tick_requests_;
  ++sums_.requests;
  sums_.errors += ok ? 0 : 1;
  sums_.log_latency += log_latency;
  sums_.log_latency_squared += log_latency * log_latency;
  latencies_.add(latency_us);
}

void RequestSeries::advance() {
  const std::int64_t now = clock_.steady_us();
  if (now < tick_end_us_) [[likely]]
    return;
  const std::int64_t over = 1 + (now - tick_end_us_) / tick_us_;
  tick_end_us_ += over * tick_us_;
  // After twice the baseline's time every series is as if it had always been idle; more ticks change nothing.
  const auto closed = std::min<std::int64_t>(over, 2 * static_cast<std::int64_t>(baseline_ticks_));
  for (std::int64_t i = 0; i < closed; ++i) close_tick(clock_.now_us());
}

void RequestSeries::close_tick(std::int64_t wall_us) {
  traffic_.add({tick_requests_, traffic_scale(tick_requests_), 1}, wall_us);
  tick_requests_ = 0;
  if (sums_.requests >= static_cast<double>(kPointRequestsMin)) {
    add_points(wall_us);
    ticks_without_point_ = 0;
  } else if (++ticks_without_point_ == baseline_ticks_) {
    latency_.settle();
    error_rate_.settle();
  }
  if (++ticks_ % baseline_ticks_ == 0) {
    latencies_before_ = latencies_;
    latencies_.clear();
  }
}

void RequestSeries::add_points(std::int64_t wall_us) {
  const double n = sums_.requests, mean = sums_.log_latency / n;
  const double variance = std::max(0.0, sums_.log_latency_squared / n - mean * mean);
  latency_.add({std::exp(mean), mean, std::max(kLatencyNoise, std::sqrt(variance / n))}, wall_us);
  error_rate_.add({sums_.errors / n, share_scale(sums_.errors, n), 1 / std::sqrt(n + 0.5)}, wall_us);
  sums_ = {};
}

std::vector<AnomalyFinding> RequestSeries::findings() const {
  std::vector<AnomalyFinding> all{latency_.finding(), error_rate_.finding(), traffic_.finding()};
  for (AnomalyFinding& finding : all) finding.point_us = tick_us_;
  all[0].point_requests = all[1].point_requests = kPointRequestsMin;
  return all;
}

}  // namespace amas::monitor
