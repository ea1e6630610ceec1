#pragma once

#include <string>
#include <string_view>

#include "engine/trainer.h"

namespace amas::engine {

/// Trains L2-regularised logistic regression on sparse rows with LIBLINEAR (Lin, Weng, Keerthi 2008: trust
/// region Newton method, which draws no random numbers), one class against the rest where there are more than
/// two.
///
/// The examples' inputs are sparse rows behind one another, since one long text would make a padded tensor
/// huge: `indices` INT32 [M] and `values` FLOAT32 [M], of which row i has [starts[i], starts[i + 1]) of
/// `starts` INT64 [N+1]. The graph's inputs are `indices` and `values` padded behind with index 0. The
/// candidate's settings:
///   "features"  how many indices there are (0 among them); left out: as many as the training rows show;
///   "c"         cost, or costs to try, ascending, each > 0; default 1, 4, 16, 64, 256. Larger fits the
///   training rows closer.
/// Each cost is an epoch to the observer, starts from the solution of the one before, and the best one is
/// kept (equal metrics: less validation loss). The intercept is regularised like a weight. `details`: "c",
/// the chosen cost. With more than two classes the scores are the softmax of the classes' margins.
class LinearTrainer final : public Trainer {
 public:
  std::string_view type() const override { return "linear"; }
  std::string version() const override;
  /// Errors: as Trainer; kInvalidArgument also for inputs of another kind.
  Result<TrainOutcome> train(const TrainJob& job, TrainObserver& observer) override;
};

}  // namespace amas::engine
