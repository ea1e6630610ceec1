#include "train/leaderboard.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace amas::train {
namespace {

std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

const Interval* find_metric(const LeaderboardRow& row, const std::string& name) {
  const auto at = row.metrics.find(name);
  return at == row.metrics.end() ? nullptr : &at->second;
}

std::string value_of(const LeaderboardRow& row, const std::string& name) {
  const Interval* metric = find_metric(row, name);
  return metric ? number(metric->value) : "-";
}

std::string interval_of(const LeaderboardRow& row, const std::string& name) {
  const Interval* metric = find_metric(row, name);
  if (!metric) return "-";
  return fmt::format("{} [{}, {}]", number(metric->value), number(metric->low), number(metric->high));
}

std::vector<std::string> cells_of(const LeaderboardRow& row, std::size_t place) {
  return {fmt::format("{}", place),
          row.candidate,
          fmt::format("{}", row.version),
          row.runs_as.empty() ? row.variant : fmt::format("{} (as {})", row.variant, row.runs_as),
          number(row.validation),
          interval_of(row, "accuracy"),
          interval_of(row, "macro_f1"),
          value_of(row, "log_loss"),
          fmt::format("{:.0f} µs", row.latency_p50_us),
          fmt::format("{:.0f} µs", row.latency_p99_us),
          format_bytes(row.memory_bytes),
          format_bytes(static_cast<double>(row.file_bytes)),
          row.deployed ? "deployed" : ""};
}

}  // namespace

void rank(std::vector<LeaderboardRow>& rows, bool lower_is_better) {
  // What could not be measured comes last, whichever way is better.
  const auto worth = [&](const LeaderboardRow& row) {
    if (std::isnan(row.validation)) return -std::numeric_limits<double>::infinity();
    return lower_is_better ? -row.validation : row.validation;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const LeaderboardRow& a, const LeaderboardRow& b) {
    return worth(a) != worth(b) ? worth(a) > worth(b) : a.latency_p50_us < b.latency_p50_us;
  });
}

std::vector<std::vector<std::string>> leaderboard_table(const std::vector<LeaderboardRow>& rows,
                                                        const std::string& metric) {
  std::string ranked_by = "VALID " + metric;
  std::ranges::transform(ranked_by, ranked_by.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  std::vector<std::vector<std::string>> table{{"#", "CANDIDATE", "VERSION", "VARIANT", ranked_by,
                                               "TEST ACCURACY", "TEST MACRO_F1", "LOG_LOSS", "P50", "P99",
                                               "MEMORY", "FILE", ""}};
  for (std::size_t i = 0; i < rows.size(); ++i) table.push_back(cells_of(rows[i], i + 1));
  if (!rows.empty() && find_metric(rows[0], "baseline_accuracy"))
    table.push_back({"", "majority", "", "", "", interval_of(rows[0], "baseline_accuracy")});
  return table;
}

Json leaderboard_json(const std::vector<LeaderboardRow>& rows) {
  Json list = Json::array();
  for (const LeaderboardRow& row : rows) {
    Json metrics = Json::object();
    for (const auto& [name, metric] : row.metrics)
      metrics[name] = {{"value", metric.value}, {"low", metric.low}, {"high", metric.high}};
    list.push_back({{"candidate", row.candidate},
                    {"version", row.version},
                    {"variant", row.variant},
                    {"runs_as", row.runs_as.empty() ? Json() : Json(row.runs_as)},
                    {"validation", row.validation},
                    {"metrics", std::move(metrics)},
                    {"latency_p50_us", row.latency_p50_us},
                    {"latency_p99_us", row.latency_p99_us},
                    {"memory_bytes", row.memory_bytes},
                    {"file_bytes", row.file_bytes},
                    {"deployed", row.deployed}});
  }
  return list;
}

}  // namespace amas::train
