#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "monitor/anomaly.h"

namespace amas::monitor {

/// Counts of latencies by size, 16 buckets in each doubling: quantiles are right within 3.2 %.
class LatencyCounts {
 public:
  /// Counts one latency, microseconds; from 2³² on it counts as that.
  void add(std::int64_t latency_us);
  /// The q-quantile of these and `other` together, microseconds; 0 when both are empty.
  double quantile(const LatencyCounts& other, double q) const;
  /// Forgets all.
  void clear() { counts_.fill(0); }

 private:
  static constexpr std::size_t kSubBits = 4;
  static constexpr std::size_t kBuckets = (32 - kSubBits + 1) << kSubBits;
  static std::size_t bucket_of(std::uint64_t latency_us);
  static double middle_of(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_{};
};

/// Latency, error rate and traffic of one model version, cut into ticks of time. Fixed memory.
///
/// A tick gives one point of traffic. Latency and error rate give a point when at least ten requests have
/// come since their last one, so that a quiet service is judged on fuller points, less often. Threads: one at
/// a time.
class RequestSeries {
 public:
  /// `clock` must outlive it.
  RequestSeries(std::int64_t tick_us, std::size_t baseline_ticks, const Clock& clock);
  /// Takes a request that has just ended.
  void add(bool ok, std::int64_t latency_us);
  /// Closes the ticks that are over.
  void advance();
  /// The verdict on each series.
  std::vector<AnomalyFinding> findings() const;
  /// The q-quantile of the latencies of the last one to two baselines' time, microseconds.
  double latency_us(double q) const { return latencies_.quantile(latencies_before_, q); }

 private:
  // Requests since the last point of latency and error rate.
  struct Sums {
    double requests = 0;
    double errors = 0;
    double log_latency = 0;
    double log_latency_squared = 0;
  };
  void close_tick(std::int64_t wall_us);
  void add_points(std::int64_t wall_us);

  const Clock& clock_;
  std::int64_t tick_us_;
  std::int64_t tick_end_us_;
  std::size_t baseline_ticks_;
  std::size_t ticks_ = 0;
  std::size_t ticks_without_point_ = 0;
  double tick_requests_ = 0;
  Sums sums_;
  LatencyCounts latencies_, latencies_before_;
  AnomalySeries latency_, error_rate_, traffic_;
};

}  // namespace amas::monitor
