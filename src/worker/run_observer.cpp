#include "worker/run_observer.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "train/metrics.h"

namespace amas::worker {
namespace {

/// Scores as metrics want them: a column for each class.
std::vector<float> all_columns(std::span<const float> scores, std::size_t rows) {
  if (scores.size() != rows) return {scores.begin(), scores.end()};
  std::vector<float> both;
  both.reserve(2 * rows);
  for (const float score : scores) both.insert(both.end(), {1 - score, score});
  return both;
}

Json numbers(const std::map<std::string, double>& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = std::isfinite(value) ? Json(value) : Json();
  return json;
}

double number_or_nan(const Json& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void RunObserver::on_warning(std::string_view message) {
  lines_.print({{"event", "warning"}, {"message", message}});
}

void RunObserver::on_batch(const engine::BatchReport& report) {
  lines_.print({{"event", "batch"},
                {"epoch", report.epoch},
                {"epochs", report.epochs},
                {"rows_done", report.rows_done},
                {"rows", report.rows},
                {"loss", report.loss},
                {"rows_per_second", report.rows_per_second}});
  const std::size_t steps_each = (run_.rows + run_.batch_size - 1) / run_.batch_size;
  const std::size_t step = static_cast<std::size_t>(report.epoch - 1) * steps_each +
                           (report.rows_done + run_.batch_size - 1) / run_.batch_size;
  const auto drawn = board_.batch(static_cast<std::int64_t>(step), report.loss);
  if (!drawn) on_warning("TensorBoard's events are not whole: " + drawn.error().message);
}

Result<double> RunObserver::on_epoch(const engine::EpochReport& report) {
  Json entry = {{"epoch", report.epoch},
                {"step", report.step},
                {"loss", report.loss},
                {"learning_rate", report.learning_rate},
                {"gradient_norm", report.gradient_norm}};
  if (!run_.refit) return measure(report, std::move(entry));
  history_.push_back(std::move(entry));
  return report.epoch;
}

Result<double> RunObserver::measure(const engine::EpochReport& report, Json entry) {
  const auto scores = all_columns(report.scores, run_.targets.size());
  std::map<std::string, double> metrics;
  for (const auto& name : train::metric_names()) {
    AMAS_TRY(metrics[name], train::metric_value(name, scores, run_.targets, run_.classes));
  }
  const double metric = ranking(metrics);
  entry["validation_loss"] = report.validation_loss;
  entry["metrics"] = numbers(metrics);
  entry["best"] = best_.offer(report.epoch, metric, report.validation_loss);
  history_.push_back(entry);
  AMAS_CHECK(board_.epoch(report, metrics, run_.targets, run_.rows));
  entry["event"] = "epoch";
  entry["epochs"] = report.epochs;
  entry["seconds"] = report.seconds;
  lines_.print(entry);
  return metric;
}

double RunObserver::ranking(const std::map<std::string, double>& metrics) const {
  const double value = metrics.at(run_.metric);
  return train::lower_is_better(run_.metric) ? -value : value;
}

std::string RunObserver::state() { return dump_json({{"history", history_}, {"board", board_.state()}}); }

Status RunObserver::restore(std::string_view state) {
  AMAS_TRY(const auto json, parse_json(state));
  AMAS_TRY(history_, json_field<Json>(json, "history"));
  for (const auto& entry : history_) {
    const double value = number_or_nan(entry.value("metrics", Json::object()), run_.metric);
    best_.offer(entry.value("epoch", 0), train::lower_is_better(run_.metric) ? -value : value,
                number_or_nan(entry, "validation_loss"));
  }
  AMAS_TRY(const auto board, json_field<Json>(json, "board"));
  if (const auto warning = board_.restore(board)) on_warning(*warning);
  lines_.print({{"event", "resumed"}, {"epoch", history_.size()}});
  return {};
}

std::int64_t RunObserver::step() const {
  return history_.empty() ? 0 : history_.back().value("step", std::int64_t{0});
}

}  // namespace amas::worker
