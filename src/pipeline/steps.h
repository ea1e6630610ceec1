#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "features/pipeline.h"
#include "pipeline/run.h"
#include "train/leaderboard.h"
#include "train/metrics.h"

/// The steps of a run, in the order in which run.cpp calls them. Each is a function from digests to digests:
/// what it returns stands in its step record, and everything large lies in the store.
namespace amas::pipeline {

/// Whether all that the result of a finished step names is still kept, and whole.
using IsKept = std::function<bool(const Json& result)>;

/// Calls `body` unless this step has been done with the same `inputs`, and what it made is still there; keeps
/// what it returns.
///
/// `inputs`: everything that the result depends on, as digests and settings.
Result<Json> cached_step(const RunContext& context, const std::string& step, const Json& inputs,
                         const IsKept& is_kept,
                         const std::function<Result<Json>(std::string& summary)>& body);

/// For steps that keep blobs: whether those that the result names under these keys are there, with the
/// content that their names promise.
IsKept are_kept(const store::Store& store, std::vector<std::string> keys);

/// The dataset of a run, read from the store when asked for and shared by those who use it at the same time;
/// once none does, its memory is free for training. Threads: safe to use from several at once.
class LazyDataset {
 public:
  LazyDataset(const store::Store& store, std::string digest) : store_(store), digest_(std::move(digest)) {}
  /// The dataset.
  ///
  /// Errors: those of reading it.
  Result<std::shared_ptr<const data::Dataset>> get();

 private:
  const store::Store& store_;
  std::string digest_;
  std::mutex mutex_;
  std::weak_ptr<const data::Dataset> dataset_;
};

/// Import, clean and split. Returns {"dataset","profile","source_digest","text","labels","rows","training",
/// "validation","test","columns","import","clean"}.
Result<Json> data_step(const Spec& spec, const RunContext& context);

/// What a training is of.
struct Training {
  const Spec& spec;
  const Candidate& candidate;
  const Json& data;       ///< of data_step
  const Json& libraries;  ///< that train
};

/// Trains one candidate in a worker. Returns {"pipeline","onnx","scores","history","chosen","rows",…}: blobs,
/// and what the worker's outcome.json says.
Result<Json> train_step(const Training& training, const RunContext& context);

/// Trains one candidate once more, on training and validation rows, with what `trained` (of train_step) has
/// chosen. Returns the same as train_step, but for "validation": nothing can be judged on rows that were
/// trained on.
Result<Json> refit_step(const Training& training, const Json& trained, const RunContext& context);

/// What the steps of one candidate share. Judged before, served after: what is chosen, ranked or allowed goes
/// by `trained`, which has not seen the validation rows; what is packaged is `served`.
struct CandidateInputs {
  const Spec& spec;
  const Candidate& candidate;
  const Json& data;     ///< of data_step
  const Json& trained;  ///< of train_step
  const Json& served;   ///< of refit_step; without a refit the same as `trained`
  LazyDataset& dataset;
};

/// Tries optimised variants and judges them on the validation rows; with a refit makes them again from its
/// graph. Proves the conversion of what is served. Returns {"variants":[{"name","onnx","metrics",…}],
/// "conversion_difference","test_metrics","profile"}.
Result<Json> optimise_step(const CandidateInputs& inputs, const RunContext& context);

/// Builds the package and keeps it. Returns {"package"}: its digest.
Result<Json> package_step(const CandidateInputs& inputs, const Json& optimised, const Json& libraries,
                          const RunContext& context);

/// Measures every variant of a package as it is served, one raw test row at a time, and keeps the
/// measurements. Returns
/// {"variants":{name: {"p50_us","p99_us","memory_bytes"}}}.
Result<Json> measure_step(const std::string& package, const Json& data, LazyDataset& dataset,
                          const RunContext& context);

/// A deployment after a run.
struct Deployed {
  store::Deployment deployment;
  Json record;  ///< {"name","version","variant","generation"}: what the run chose, for the run's record
};

/// Deploys the winner, unless that is deployed already, so that a run that changes nothing disturbs no
/// server. What the user has deployed by hand since the last run stays when this run chooses what that one
/// chose: it brings nothing new; the run says so, and says when it takes the place of something deployed by
/// hand.
Result<Deployed> deploy_step(const Spec& spec, const train::LeaderboardRow& winner,
                             const RunContext& context);

/// Folder of the event files of a spec's runs: one folder in it for each candidate and settings.
std::filesystem::path tensorboard_folder(const store::Store& store, const std::string& spec_name);
/// The one of a candidate's training, which `key` (a digest, as a model's lineage has it) tells from others.
std::filesystem::path events_folder(const store::Store& store, const std::string& spec_name,
                                    const std::string& candidate, const std::string& key);

}  // namespace amas::pipeline
