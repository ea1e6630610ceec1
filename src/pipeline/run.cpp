#include "pipeline/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/threads.h"
#include "crypto/digest.h"
#include "pipeline/kept_package.h"
#include "pipeline/steps.h"
#include "pipeline/worker_process.h"
#include "telemetry/event_file.h"
#include "train/metrics.h"

namespace amas::pipeline {
namespace {

// What the steps of one candidate came to.
struct CandidateResult {
  Json trained;
  Json served;  ///< with a refit what it has trained, else the same as `trained`
  std::string package;
  model::Manifest manifest;
  store::ModelVersion version;
  std::string variant;  ///< the one that would be served
  std::vector<store::Measurement> measured;
};

// A run as it is recorded, and as its caller sees it.
struct RunOutcome {
  store::RunRecord record;
  RunResult result;
};

// Libraries that a package depends on: what trains it and what answers with it.
Json library_versions(const Json& worker, const engine::EngineSet& engines) {
  Json libraries = worker;
  for (const auto& engine : engines.engines()) libraries[std::string(engine->name())] = engine->version();
  return libraries;
}

// Train, refit, optimise and package one candidate.
Result<CandidateResult> make_candidate(const Spec& spec, const Candidate& candidate, const Json& data,
                                       const Json& worker, LazyDataset& dataset, const RunContext& context) {
  CandidateResult result;
  const Training training{spec, candidate, data, worker};
  AMAS_TRY(result.trained, train_step(training, context));
  if (context.until == Until::kTrain) return result;
  result.served = result.trained;
  if (spec.refit) {
    AMAS_TRY(result.served, refit_step(training, result.trained, context));
  }
  const CandidateInputs inputs{spec, candidate, data, result.trained, result.served, dataset};
  AMAS_TRY(const Json optimised, optimise_step(inputs, context));
  AMAS_TRY(const Json packaged,
           package_step(inputs, optimised, library_versions(worker, context.engine), context));
  AMAS_TRY(result.package, json_field<std::string>(packaged, "package"));
  AMAS_TRY(const model::Package package, open_package(context.store, result.package));
  result.manifest = package.manifest();
  return result;
}

const store::Measurement* find_measurement(const CandidateResult& candidate, const std::string& variant) {
  const auto found = std::ranges::find(candidate.measured, variant, &store::Measurement::variant);
  return found == candidate.measured.end() ? nullptr : &*found;
}

// The ranking metric of the served variant on the validation rows.
double validation_metric(const CandidateResult& candidate, const std::string& metric) {
  const model::Variant* variant = candidate.manifest.find_variant(candidate.variant);
  const auto found =
      variant == nullptr ? std::map<std::string, double>::const_iterator{} : variant->metrics.find(metric);
  return variant == nullptr || found == variant->metrics.end() ? std::nan("") : found->second;
}

// Registers the package and measures it, one candidate after the other so that they do not disturb each
// other.
Status register_and_measure(CandidateResult& candidate, const Spec& spec, const std::string& run,
                            const Json& data, LazyDataset& dataset, const RunContext& context) {
  AMAS_TRY(candidate.version, context.store.put_model(spec.name, candidate.package, run));
  AMAS_CHECK(measure_step(candidate.package, data, dataset, context));
  AMAS_TRY(candidate.measured, context.store.measurements(candidate.package));
  candidate.variant = best_variant(candidate.manifest, candidate.measured);
  return {};
}

train::LeaderboardRow leaderboard_row(const CandidateResult& candidate, double validation,
                                      const engine::Engine& engine) {
  train::LeaderboardRow row;
  row.candidate = candidate.manifest.candidate;
  row.version = candidate.version.version;
  row.variant = candidate.variant;
  for (const auto& [name, metric] : candidate.manifest.metrics)
    row.metrics[name] = {metric.value, metric.low, metric.high};
  if (const auto* measured = find_measurement(candidate, candidate.variant)) {
    row.latency_p50_us = measured->latency_p50_us;
    row.latency_p99_us = measured->latency_p99_us;
    row.memory_bytes = measured->memory_bytes;
  }
  if (const auto* variant = candidate.manifest.find_variant(candidate.variant)) {
    row.file_bytes = variant->bytes;
    row.runs_as = other_precision(*variant, engine);
  }
  row.validation = validation;
  return row;
}

// Makes all candidates, each in a thread of its own, which mostly waits for its worker.
Result<std::vector<CandidateResult>> make_candidates(const Spec& spec, const Json& data, LazyDataset& dataset,
                                                     const RunContext& context) {
  AMAS_TRY(const Json worker, worker_version(context.worker));
  std::vector<Result<CandidateResult>> made(spec.candidates.size(),
                                            Result<CandidateResult>(internal_error("not tried")));
  const std::size_t jobs = context.jobs > 0 ? context.jobs : processors();
  parallel_for(spec.candidates.size(), jobs, [&](std::size_t i) {
    made[i] = make_candidate(spec, spec.candidates[i], data, worker, dataset, context);
  });
  std::vector<CandidateResult> candidates;
  for (auto& one : made) {
    if (!one) return std::move(one.error());
    candidates.push_back(std::move(*one));
  }
  return candidates;
}

Status finish_candidates(const Spec& spec, const Json& data, LazyDataset& dataset,
                         std::vector<CandidateResult>& candidates, const RunContext& context,
                         RunOutcome& outcome) {
  auto& [record, result] = outcome;
  for (CandidateResult& candidate : candidates)
    AMAS_CHECK(register_and_measure(candidate, spec, result.run, data, dataset, context));
  // From here on every package is in the registry, measured as it would be served on this machine.
  result.metric = spec.train["metric"];
  for (const CandidateResult& candidate : candidates)
    result.leaderboard.push_back(
        leaderboard_row(candidate, validation_metric(candidate, result.metric), context.engine));
  train::rank(result.leaderboard, train::lower_is_better(result.metric));
  if (context.until != Until::kDeploy) return {};
  AMAS_TRY(Deployed deployed, deploy_step(spec, result.leaderboard.front(), context));
  result.deployment = std::move(deployed.deployment);
  record.detail["deployed"] = std::move(deployed.record);
  const store::DeploymentTarget& target = result.deployment.targets.at(0);
  for (train::LeaderboardRow& row : result.leaderboard)
    row.deployed = result.deployment.model == spec.name && row.version == target.version &&
                   row.variant == target.variant;
  return {};
}

std::vector<telemetry::HyperParameters> hyper_parameters(const Spec& spec) {
  std::vector<telemetry::HyperParameters> runs;
  for (const Candidate& candidate : spec.candidates) {
    telemetry::HyperParameters parameters;
    parameters.settings = candidate.settings;
    for (const auto& [key, value] : spec.train.items()) parameters.settings["train." + key] = value;
    for (const std::string& metric : train::metric_names())
      parameters.metric_tags.push_back("best/" + metric);
    runs.push_back(std::move(parameters));
  }
  return runs;
}

// Says which columns TensorBoard's hparams tab shows: the settings of all candidates, and the best epoch's
// metrics. It stands in the folder above those of the runs, and is written again when the spec has other
// settings. Before the runs, so that one that fails is shown as well.
Status describe_hparams(const Spec& spec, const fs::path& folder, store::Store& store) {
  const auto runs = hyper_parameters(spec);
  Json inputs{{"step", "hparams"}, {"spec", spec.name}, {"runs", Json::array()}};
  for (const auto& run : runs) inputs["runs"].push_back({run.settings, run.metric_tags});
  const std::string key = crypto::sha256_hex(dump_json(inputs));
  AMAS_TRY(const auto record, store.find_step(key));
  if (record && fs::is_regular_file(folder / record->result.value("file", "none"))) return {};
  AMAS_CHECK(make_folder(folder));
  AMAS_TRY(const auto names, list_folder(folder));
  std::error_code ignored;
  for (const std::string& name : names)
    if (name.starts_with("events.out.tfevents.") && name.ends_with(".amas"))
      fs::remove(folder / name, ignored);
  AMAS_TRY(auto writer, telemetry::EventWriter::create(folder));
  AMAS_CHECK(writer.hparams_experiment(runs));
  return store.put_step(
      {key, "hparams", {{"file", writer.file().filename().string()}}, system_clock().now_us()});
}

Status run_steps(const Spec& spec, const RunContext& context, RunOutcome& outcome) {
  RunResult& result = outcome.result;
  AMAS_TRY(result.dataset, data_step(spec, context));
  AMAS_TRY(const std::string digest, json_field<std::string>(result.dataset, "dataset"));
  AMAS_CHECK(context.store.put_dataset(spec.name, digest, result.dataset));
  if (context.until == Until::kData) return {};
  LazyDataset dataset(context.store, digest);
  if (spec.train["tensorboard"] == true) {
    result.tensorboard = tensorboard_folder(context.store, spec.name).string();
    AMAS_CHECK(describe_hparams(spec, result.tensorboard, context.store));
  }
  AMAS_TRY(auto candidates, make_candidates(spec, result.dataset, dataset, context));
  for (std::size_t i = 0; i < candidates.size() && !result.tensorboard.empty(); ++i)
    result.trainings.push_back(
        {spec.candidates[i].name, events_folder(context.store, spec.name, spec.candidates[i].name,
                                                candidates[i].trained.value("key", ""))});
  if (context.until == Until::kTrain) return {};
  return finish_candidates(spec, result.dataset, dataset, candidates, context, outcome);
}

// A run that still counts as running while we hold the lock was killed.
Status close_killed_runs(store::Store& store) {
  AMAS_TRY(auto runs, store.runs());
  for (store::RunRecord& run : runs) {
    if (run.state != "running") continue;
    run.state = "failed";
    run.detail = {{"code", code_name(Code::kCancelled)}, {"message", "the run was interrupted"}};
    AMAS_CHECK(store.put_run(run));
  }
  return {};
}

}  // namespace

Result<RunResult> run_spec(const Spec& spec, const RunContext& context) {
  const auto lock = FileLock::take(context.store.home() / "run.lock", fmt::format("pid {}", ::getpid()));
  if (!lock && lock.error().code == Code::kFailedPrecondition)
    return lock.error().at("another run is under way; wait for it, or use another --home");
  if (!lock) return lock.error();
  AMAS_CHECK(close_killed_runs(context.store));
  const std::int64_t now_us = system_clock().now_us();
  RunOutcome outcome;
  auto& [record, result] = outcome;
  result.run = fmt::format("{}-{}", spec.name, now_us);
  record = {result.run, spec.name, "running", Json::object(), now_us, 0};
  AMAS_CHECK(context.store.put_run(record));
  const Status status = run_steps(spec, context, outcome);
  record.state = status ? "done" : "failed";
  if (!status)
    record.detail = {{"code", code_name(status.error().code)}, {"message", status.error().message}};
  record.finished_us = system_clock().now_us();
  AMAS_CHECK(context.store.put_run(record));
  if (!status) return status.error();
  return std::move(result);
}

}  // namespace amas::pipeline
