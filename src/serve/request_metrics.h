#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "serve/request.h"
#include "telemetry/metrics.h"

namespace amas::serve {

/// The series of one version of a deployment.
class RequestMetrics {
 public:
  RequestMetrics(telemetry::MetricRegistry& registry, const std::string& model, const std::string& version);

  /// Counts an answer and where its time went.
  void count_answer(const RequestTimes& times);
  /// Counts a request that failed.
  void count_failure(Code code);

  std::shared_ptr<telemetry::Gauge> queue_rows;
  std::shared_ptr<telemetry::Histogram> batch_rows;

  /// Counts a request for which no version was found. `model`: "" unless there is such a deployment, so that
  /// guessed names do not become series.
  static void count_lost(telemetry::MetricRegistry& registry, const std::string& model, Code code);

 private:
  std::shared_ptr<telemetry::Histogram> stage(const char* name) const;

  telemetry::MetricRegistry& registry_;
  const std::string model_;
  const std::string version_;
  std::shared_ptr<telemetry::Counter> answered_;
  std::shared_ptr<telemetry::Histogram> features_, queue_, engine_, total_;
};

}  // namespace amas::serve
