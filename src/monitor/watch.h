#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "features/pipeline.h"
#include "model/profile.h"
#include "monitor/anomaly.h"
#include "monitor/drift.h"
#include "telemetry/metrics.h"

namespace amas::monitor {

/// All findings of one version of a deployment.
struct WatchReport {
  std::string deployment;
  std::int64_t version = 0;
  std::uint64_t rows = 0;  ///< seen since it was loaded
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
  double latency_p50_us = 0;  ///< of the last one to two baselines' time, within 3.2 %
  double latency_p99_us = 0;
  std::vector<DriftFinding> drift;
  std::vector<AnomalyFinding> anomalies;
};

/// Bounds and thresholds.
struct WatchOptions {
  std::uint64_t window_rows = 500;  ///< drift is judged on about this many latest rows
  std::uint64_t rows_min = 100;     ///< and not before this many
  double shifting_at = 0.1;  ///< Jensen-Shannon distance, where chance alone gives less at this window size
  double drifted_at = 0.2;
  std::int64_t tick_us = 1'000'000;  ///< width of a point in the series of latency, errors and traffic
  std::size_t baseline_ticks = 60;   ///< points of the robust baseline
};

/// Watches every deployed version: drift of inputs and scores against the package's profile, and anomalies of
/// latency, error rate and traffic. Streaming, in fixed memory; keeps counts only, never texts. Threads: safe
/// to use from several at once; feeding takes a short lock per version.
class Watch {
 public:
  Watch(WatchOptions options, telemetry::MetricRegistry& metrics, const Clock& clock = system_clock());
  ~Watch();

  /// Begins to watch a version; afresh if it was watched already. `labels`: the classes, in the order of the
  /// scores.
  void add(const std::string& deployment, std::int64_t version, const model::Profile& profile,
           const std::vector<std::string>& labels);
  /// Stops watching it.
  void remove(const std::string& deployment, std::int64_t version);
  /// Rows were answered. Either may be empty; `scores` is row-major [rows, classes] and does not count where
  /// it has other classes than the version. Versions that are not watched are ignored, here and below.
  void on_rows(const std::string& deployment, std::int64_t version,
               std::span<const features::TextObservation> observed, std::span<const float> scores,
               std::size_t classes);
  /// A request ended.
  void on_request(const std::string& deployment, std::int64_t version, Code code, bool ok,
                  std::int64_t latency_us);

  /// What there is to see now, by deployment and version. Also sets the gauges amas_drift_effect,
  /// amas_drift_state and amas_anomaly_active.
  std::vector<WatchReport> reports();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The report as JSON, for the admin interface and `amas monitor --json`.
Json to_json(const WatchReport& report);

}  // namespace amas::monitor
