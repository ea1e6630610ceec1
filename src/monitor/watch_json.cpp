#include "monitor/watch.h"

namespace amas::monitor {

Json to_json(const WatchReport& report) {
  Json drift = Json::array(), anomalies = Json::array();
  for (const DriftFinding& finding : report.drift)
    drift.push_back({{"statistic", finding.statistic},
                     {"state", drift_state_name(finding.state)},
                     {"effect", finding.effect},
                     {"shifting_at", finding.shifting_at},
                     {"drifted_at", finding.drifted_at},
                     {"rows", finding.rows},
                     {"rows_min", finding.rows_min}});
  for (const AnomalyFinding& finding : report.anomalies) {
    anomalies.push_back({{"series", finding.series},
                         {"state", anomaly_state_name(finding)},
                         {"active", finding.active},
                         {"points", finding.points},
                         {"points_min", finding.points_min},
                         {"point_seconds", static_cast<double>(finding.point_us) * 1e-6},
                         {"point_requests", finding.point_requests},
                         {"value", finding.value},
                         {"baseline", finding.baseline},
                         {"score", finding.score}});
    if (finding.active) anomalies.back()["since"] = format_time(finding.since_us);
  }
  return {{"deployment", report.deployment},
          {"version", report.version},
          {"rows", report.rows},
          {"requests", report.requests},
          {"errors", report.errors},
          {"latency_p50_us", report.latency_p50_us},
          {"latency_p99_us", report.latency_p99_us},
          {"drift", std::move(drift)},
          {"anomalies", std::move(anomalies)}};
}

}  // namespace amas::monitor
