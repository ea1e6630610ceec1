#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace amas::telemetry {

/// Label names and values of one series, in the order of the family's label names.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A count that only grows. Threads: any; adding is one relaxed atomic operation.
class Counter {
 public:
  /// Adds n.
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  /// The count.
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A value that goes up and down. Threads: any.
class Gauge {
 public:
  /// Sets it.
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  /// Adds to it.
  void add(double delta);
  /// The value.
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts of observations by upper bounds, with their sum. Threads: any; observing takes no lock.
class Histogram {
 public:
  /// `bounds`: ascending upper bounds, +Inf left out.
  explicit Histogram(std::vector<double> bounds);
  /// Counts a value.
  void observe(double value);
  /// Upper bounds without +Inf.
  const std::vector<double>& bounds() const { return bounds_; }
  /// Counts per bucket (not cumulative); the last is beyond all bounds.
  std::vector<std::uint64_t> counts() const;
  /// Sum of all values.
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  /// An estimate of the q-quantile (q in [0,1]), linear within its bucket; 0 without observations.
  double quantile(double q) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// 10 µs to 10 s in steps of 1-2-5, in seconds.
std::vector<double> latency_bounds();

/// All metrics of a process, by family and labels. References stay valid until the series is removed.
///
/// Each family holds at most `series_max` series; beyond it further label sets share one with the value
/// "other" in every label, and `amas_metric_series_dropped_total` counts. Threads: any.
class MetricRegistry {
 public:
  explicit MetricRegistry(std::size_t series_max = 1'000);
  ~MetricRegistry();

  /// The counter of a family and label set, made on first use. `name` ends in "_total". `help` is one
  /// sentence.
  std::shared_ptr<Counter> counter(const std::string& name, const std::string& help,
                                   const Labels& labels = {});
  /// The same for a gauge.
  std::shared_ptr<Gauge> gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// The same for a histogram; `bounds` of the first use hold for the family.
  std::shared_ptr<Histogram> histogram(const std::string& name, const std::string& help,
                                       const std::vector<double>& bounds, const Labels& labels = {});
  /// Drops every series with this label value, such as those of a model that was unloaded.
  void remove(const std::string& label, const std::string& value);
  /// Drops one series, such as one that its owner alone sets.
  void remove_series(const std::string& name, const Labels& labels);
  /// Adds a function that is called before each rendering, to set gauges.
  void before_render(std::function<void()> refresh);
  /// Prometheus text format 0.0.4; families sorted by name.
  std::string render() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Registers amas_process_* gauges (resident memory, CPU seconds, threads, open files, start time), read from
/// /proc.
void register_process_metrics(MetricRegistry& registry);

}  // namespace amas::telemetry
