#include "serve/request_metrics.h"

namespace amas::serve {
namespace {

constexpr const char* kRequests = "amas_requests_total";
constexpr const char* kRequestsHelp = "Requests to models, by outcome.";

std::vector<double> batch_bounds() { return {1, 2, 4, 8, 16, 32, 64, 128, 256, 1'024, 4'096, 65'536}; }

double seconds(std::int64_t microseconds) { return static_cast<double>(microseconds) * 1e-6; }

}  // namespace

RequestMetrics::RequestMetrics(telemetry::MetricRegistry& registry, const std::string& model,
                               const std::string& version)
    : queue_rows(registry.gauge("amas_queue_rows", "Rows that wait for a compute thread.",
                                {{"model", model}, {"version", version}})),
      batch_rows(registry.histogram("amas_batch_rows", "Rows that ran together.", batch_bounds(),
                                    {{"model", model}, {"version", version}})),
      registry_(registry),
      model_(model),
      version_(version),
      answered_(registry.counter(kRequests, kRequestsHelp,
                                 {{"model", model}, {"version", version}, {"code", "OK"}})),
      features_(stage("features")),
      queue_(stage("queue")),
      engine_(stage("engine")),
      total_(stage("total")) {}

std::shared_ptr<telemetry::Histogram> RequestMetrics::stage(const char* name) const {
  return registry_.histogram("amas_request_seconds", "Where the time of answered requests went, by stage.",
                             telemetry::latency_bounds(),
                             {{"model", model_}, {"version", version_}, {"stage", name}});
}

void RequestMetrics::count_answer(const RequestTimes& times) {
  answered_->add();
  features_->observe(seconds(times.features_us));
  queue_->observe(seconds(times.queue_us));
  engine_->observe(seconds(times.engine_us));
  total_->observe(seconds(times.total_us));
}

void RequestMetrics::count_failure(Code code) {
  registry_
      .counter(kRequests, kRequestsHelp,
               {{"model", model_}, {"version", version_}, {"code", std::string(code_name(code))}})
      ->add();
}

void RequestMetrics::count_lost(telemetry::MetricRegistry& registry, const std::string& model, Code code) {
  registry
      .counter(kRequests, kRequestsHelp,
               {{"model", model}, {"version", ""}, {"code", std::string(code_name(code))}})
      ->add();
}

}  // namespace amas::serve
