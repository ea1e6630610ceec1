#include "worker/train_job.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "train/metrics.h"
#include "worker/board.h"
#include "worker/prepare.h"
#include "worker/run_observer.h"

namespace amas::worker {
namespace {

constexpr int kLockTries = 100;
constexpr std::chrono::milliseconds kLockPause{50};

Result<engine::Trainer*> find_trainer(const Job& job, const Trainers& trainers) {
  AMAS_TRY(const auto type, json_field<std::string>(job.candidate, "type"));
  std::string known;
  for (const auto& trainer : trainers) {
    if (trainer->type() == type) return trainer.get();
    known += (known.empty() ? "" : ", ") + std::string(trainer->type());
  }
  return invalid_argument(fmt::format("candidate type is unknown: {}; known: {}", type, known));
}

Result<std::string> find_metric(const Job& job) {
  AMAS_TRY(auto metric, json_field_or<std::string>(job.train, "metric", "macro_f1"));
  const auto& known = train::metric_names();
  if (std::find(known.begin(), known.end(), metric) != known.end()) return metric;
  const auto near = nearest(metric, known);
  return invalid_argument(
      fmt::format("metric is unknown: {}; {}", metric,
                  near ? "did you mean " + *near + "?" : fmt::format("known: {}", fmt::join(known, ", "))));
}

/// A worker whose parent was killed dies with it, but perhaps a moment after its successor has started.
Result<FileLock> lock_folder(const fs::path& folder) {
  AMAS_CHECK(make_folder(folder));
  for (int i = 0;; ++i) {
    auto lock = FileLock::take(folder / "lock", std::to_string(::getpid()));
    if (lock || i == kLockTries || lock.error().code != Code::kFailedPrecondition) return lock;
    std::this_thread::sleep_for(kLockPause);
  }
}

/// The candidate with the sizes that the fitted preparation has: a text may have fewer words than the spec
/// allows.
Json sized_candidate(const Json& candidate, const features::Pipeline& pipeline) {
  Json sized = candidate;
  sized[pipeline.text_type() == "tokens" ? "vocabulary" : "features"] = pipeline.index_count();
  return sized;
}

Json flat_settings(const Job& job) {
  Json flat = job.candidate;
  for (const auto& [key, value] : job.train.items()) flat["train." + key] = value;
  flat["threads"] = job.threads;
  return flat;
}

struct Results {
  engine::TrainOutcome outcome;
  /// Of the best epoch on the validation rows; none of a refit, which has seen them.
  std::map<std::string, train::Interval> metrics;
};

/// Each step of training asks for some large pieces of memory (oneDNN's workspace: tens of megabytes) and
/// gives them back. By default malloc maps and unmaps them every time, and a third of the time goes into page
/// faults: keep them.
void keep_freed_memory() {
  ::mallopt(M_MMAP_MAX, 0);
  ::mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

Result<Results> train_prepared(const Job& job, engine::Trainer& trainer, const Prepared& prepared,
                               RunObserver& observer) {
  const auto classes = static_cast<std::int32_t>(prepared.pipeline.labels().size());
  const engine::TrainJob train_job{sized_candidate(job.candidate, prepared.pipeline),
                                   job.train,
                                   &prepared.training,
                                   &prepared.validation,
                                   classes,
                                   job.folder,
                                   job.threads};
  Results results;
  AMAS_TRY(results.outcome, trainer.train(train_job, observer));
  if (job.refit) {
    results.outcome.details.erase("validation_loss");
    return results;
  }
  AMAS_TRY(auto evaluation,
           train::evaluate(results.outcome.validation_scores, prepared.validation.targets, classes));
  results.metrics = std::move(evaluation.metrics);
  return results;
}

Json intervals(const std::map<std::string, train::Interval>& metrics) {
  Json json = Json::object();
  for (const auto& [name, metric] : metrics)
    json[name] = {{"value", metric.value}, {"low", metric.low}, {"high", metric.high}};
  return json;
}

/// outcome.json last: where it stands, all the others are whole.
Result<Json> write_results(const Job& job, const Prepared& prepared, const Results& results,
                           const Json& history) {
  const auto& scores = results.outcome.validation_scores;
  const std::pair<const char*, std::string> files[] = {
      {"pipeline.json", prepared.pipeline.to_json()},
      {"model.onnx", results.outcome.onnx},
      {"validation_scores.f32",
       {reinterpret_cast<const char*>(scores.data()), scores.size() * sizeof(float)}},
      {"history.json", dump_json({{"format", 1}, {"epochs", history}}, 1)}};
  Json digests = Json::object();
  for (const auto& [name, content] : files) {
    AMAS_CHECK(write_file_atomic(job.folder / name, content));
    digests[name] = crypto::sha256_hex(content);
  }
  Json outcome = {
      {"format", 1},
      {"type", job.candidate["type"]},
      {"best_epoch", results.outcome.best_epoch},
      {"epochs", results.outcome.epochs},
      {"details", results.outcome.details},
      {"chosen", results.outcome.chosen},
      {"labels", prepared.pipeline.labels()},
      {"rows", {{"training", prepared.training.rows()}, {"validation", prepared.validation.rows()}}},
      {"files", digests}};
  if (!job.refit) outcome["validation"] = intervals(results.metrics);
  AMAS_CHECK(write_file_atomic(job.folder / "outcome.json", dump_json(outcome, 1)));
  return outcome;
}

Result<Json> train_and_write(const Job& job, engine::Trainer& trainer, const Prepared& prepared,
                             RunObserver& observer, Board& board) {
  AMAS_TRY(const Results results, train_prepared(job, trainer, prepared, observer));
  // From here on the model stands; what follows only says so.
  std::map<std::string, double> best;
  for (const auto& [name, value] : results.metrics) best[name] = value.value;
  AMAS_CHECK(board.results(observer.step(), best, results.outcome.onnx));
  return write_results(job, prepared, results, observer.history());
}

}  // namespace

Result<Json> do_train_job(const Job& job, const Trainers& trainers, const Lines& lines) {
  AMAS_TRY(engine::Trainer * trainer, find_trainer(job, trainers));
  AMAS_TRY(const auto metric, find_metric(job));
  AMAS_TRY(const FileLock lock, lock_folder(job.folder));
  // From here on no other process works in this folder.
  AMAS_TRY(const Prepared prepared, prepare(job));
  const auto& labels = prepared.pipeline.labels();
  lines.print({{"event", "start"},
               {"type", trainer->type()},
               {"library", trainer->version()},
               {"labels", labels},
               {"rows", {{"training", prepared.training.rows()}, {"validation", prepared.validation.rows()}}},
               {"index_count", prepared.pipeline.index_count()}});
  keep_freed_memory();
  AMAS_TRY(const auto batch_size, json_field_or<std::uint64_t>(job.train, "batch_size", 32));
  Board board(job.refit ? std::nullopt : job.tensorboard, {job.spec_text, flat_settings(job), labels});
  RunObserver observer({metric, static_cast<std::int32_t>(labels.size()), prepared.validation.targets,
                        prepared.training.rows(), std::max<std::size_t>(batch_size, 1), job.refit},
                       board, lines);
  auto outcome = train_and_write(job, *trainer, prepared, observer, board);
  if (const auto ended = board.end(outcome.has_value()); !ended)
    observer.on_warning("TensorBoard's events are not whole: " + ended.error().message);
  return outcome;
}

}  // namespace amas::worker
