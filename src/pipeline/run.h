#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine_set.h"
#include "model/manifest.h"
#include "pipeline/progress.h"
#include "pipeline/spec.h"
#include "store/store.h"
#include "table/table.h"
#include "train/leaderboard.h"

namespace amas::pipeline {

/// How far a run goes.
enum class Until { kData, kTrain, kOptimise, kDeploy };

/// What a run works with.
struct RunContext {
  store::Store& store;
  engine::EngineSet& engine;
  table::TableReader& reader;
  std::filesystem::path worker;  ///< the program amas-worker
  Progress& progress;
  Until until = Until::kDeploy;
  std::size_t jobs = 0;  ///< candidates made side by side, at least 1; 0: one a processor
};

/// Where the event files of a candidate's training lie.
struct TrainingEvents {
  std::string candidate;
  std::filesystem::path folder;
};

/// What came of a run.
struct RunResult {
  std::string run;                                 ///< its id
  Json dataset;                                    ///< digest, rows, parts, columns, cleaning report
  std::vector<train::LeaderboardRow> leaderboard;  ///< best first; empty before kOptimise
  std::string metric;                              ///< by which the leaderboard is ranked
  store::Deployment deployment;                    ///< only with kDeploy
  std::string tensorboard;                         ///< folder of the event files; empty without any
  std::vector<TrainingEvents> trainings;           ///< below it, in the spec's order
};

/// Runs a spec: import, clean, split, train all candidates (each in a worker process, `jobs` at a time),
/// optimise, package, register, measure, deploy. Every step is recorded by the digest of all that it depends
/// on, and skipped when that has not changed; killed at any point, the next run goes on from there and ends
/// in the same packages.
///
/// Errors: those of the steps, with the step's name in front. kFailedPrecondition when another run has the
/// home.
Result<RunResult> run_spec(const Spec& spec, const RunContext& context);

}  // namespace amas::pipeline
