#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::engine {

/// Prepared rows with their answers.
struct Examples {
  /// In the order of the graph's inputs; dim 0 is the row. Sparse rows lie behind one another instead:
  /// `indices` [M], `values` [M], and `starts` INT64 [N+1], which says where each row begins.
  std::vector<Tensor> inputs;
  /// Class of each row, in [0, classes).
  std::vector<std::int32_t> targets;
  /// How many rows there are.
  std::size_t rows() const { return targets.size(); }
};

/// One training job, as a trainer gets it.
struct TrainJob {
  /// The candidate's own settings with all defaults filled in: {"type":"lstm","vocabulary":…,"units":…}.
  Json candidate;
  /// The spec's `train` section with all defaults filled in (epochs, batch_size, optimiser, metric, patience,
  /// seed …).
  Json train;
  const Examples* training = nullptr;
  const Examples* validation = nullptr;
  /// How many classes the targets have; at least 2.
  std::int32_t classes = 2;
  /// Where checkpoints lie; a checkpoint of the same job found there is continued to the same bits.
  std::filesystem::path folder;
  /// Threads that training may use.
  int threads = 1;
};

/// Weights or gradients of one parameter after an epoch, for histograms.
struct ParameterValues {
  std::string name;
  std::span<const float> weights;
  std::span<const float> gradients;
};

/// Where training stands within an epoch.
struct BatchReport {
  int epoch = 0;   ///< from 1
  int epochs = 0;  ///< at most
  std::size_t rows_done = 0;
  std::size_t rows = 0;  ///< of one epoch
  double loss = 0;       ///< mean over this epoch so far
  double rows_per_second = 0;
};

/// What came of an epoch.
struct EpochReport {
  int epoch = 0;          ///< from 1
  int epochs = 0;         ///< at most
  std::int64_t step = 0;  ///< optimiser steps so far
  double seconds = 0;
  double loss = 0;             ///< training loss, mean over rows
  double validation_loss = 0;  ///< log loss on the validation rows
  double learning_rate = 0;
  double gradient_norm = 0;       ///< mean over steps, before clipping
  std::span<const float> scores;  ///< on the validation rows: P(class 1), or row-major [rows, classes]
  std::vector<ParameterValues> parameters;
};

/// Hears how training goes. Called on the training thread.
class TrainObserver {
 public:
  virtual ~TrainObserver() = default;
  /// Something that whoever started the training should know, such as a damaged checkpoint that was passed
  /// over.
  virtual void on_warning(std::string_view /*message*/) {}
  /// Called a few times a second at most.
  virtual void on_batch(const BatchReport& report) = 0;
  /// Called after each epoch; returns the value of the job's metric on the validation rows (higher is
  /// better), by which the trainer keeps its best weights and stops early.
  virtual Result<double> on_epoch(const EpochReport& report) = 0;
  /// What the observer needs to go on from this moment; stored in the checkpoint, opaque to the trainer.
  virtual std::string state() = 0;
  /// Called once, before anything else, when training goes on from a checkpoint.
  virtual Status restore(std::string_view state) = 0;
};

/// A trained candidate.
struct TrainOutcome {
  /// The graph with the best weights, an ONNX model whose inputs are the examples' inputs and whose one
  /// output is `scores` FLOAT32 [N, classes] (rows sum to 1).
  std::string onnx;
  /// The trainer's own scores on the validation rows, row-major [rows, classes], against which the conversion
  /// is proved.
  std::vector<float> validation_scores;
  int best_epoch = 0;
  int epochs = 0;
  /// Anything worth keeping in the manifest (chosen C, seconds are not: it must be the same in every run).
  Json details = Json::object();
  /// What was chosen on the validation rows, as settings that replace the job's own: {"candidate":{…},
  /// "train":{…}}, either of which may be missing. A job with them trains the same way and chooses nothing.
  Json chosen = Json::object();
};

/// Trains one type of model. Implementations are registered in the worker's main.
class Trainer {
 public:
  virtual ~Trainer() = default;
  /// The candidate types it trains, such as "lstm".
  virtual std::string_view type() const = 0;
  /// Version of the library behind it.
  virtual std::string version() const = 0;
  /// Trains. The same job, seed and thread count give the same bits, also after being killed and run again.
  ///
  /// Errors: kInvalidArgument for settings out of range; kFailedPrecondition when there is too little data or
  /// one class
  ///         only; kResourceExhausted when the disk is full; kInternal when the loss is not finite (says
  ///         which epoch).
  virtual Result<TrainOutcome> train(const TrainJob& job, TrainObserver& observer) = 0;
};

}  // namespace amas::engine
