#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/best_epoch.h"
#include "engine/trainer.h"
#include "worker/board.h"
#include "worker/lines.h"

namespace amas::worker {

/// What an observer has to know of its run.
struct ObservedRun {
  std::string metric;  ///< by which epochs are compared, one of train::metric_names()
  std::int32_t classes = 2;
  std::span<const std::int32_t> targets;  ///< of the validation rows; borrowed
  std::size_t rows = 0;                   ///< of one epoch
  std::size_t batch_size = 1;
  /// The validation rows are trained on, too: figures on them would say nothing.
  bool refit = false;
};

/// Measures every epoch on the validation rows, prints it, draws it, and keeps the history. Of a refit it
/// only keeps the training's own figures, and counts each epoch as better than the one before.
class RunObserver final : public engine::TrainObserver {
 public:
  /// All borrowed.
  RunObserver(ObservedRun run, Board& board, const Lines& lines)
      : run_(std::move(run)), board_(board), lines_(lines) {}
  void on_warning(std::string_view message) override;
  void on_batch(const engine::BatchReport& report) override;
  /// Errors: those of train::metric_value; a full disk.
  Result<double> on_epoch(const engine::EpochReport& report) override;
  std::string state() override;
  /// Errors: kDataLoss when it is not what state() gave.
  Status restore(std::string_view state) override;

  /// One entry an epoch, the same in every run: {"epoch","step","loss","learning_rate","gradient_norm"}, and
  /// "validation_loss","metrics","best" unless it is a refit.
  const Json& history() const { return history_; }
  /// Optimiser steps so far.
  std::int64_t step() const;

 private:
  Result<double> measure(const engine::EpochReport& report, Json entry);
  /// The metric as trainers want it: more is better.
  double ranking(const std::map<std::string, double>& metrics) const;

  const ObservedRun run_;
  Board& board_;
  const Lines& lines_;
  Json history_ = Json::array();
  engine::BestEpoch best_;
};

}  // namespace amas::worker
