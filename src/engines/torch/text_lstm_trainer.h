#pragma once

#include <string>
#include <string_view>

#include "engine/trainer.h"

namespace amas::engine {

/// Trains Embedding → LSTM → Dense on tokens with Adam, as Keras does, on libtorch (oneDNN's fused LSTM).
///
/// Takes candidates
/// {"type":"lstm","vocabulary","length","embedding","units","word_dropout","dropout","dense_dropout",
/// "padding","mask"}
/// and training settings
/// {"epochs","batch_size","optimiser":"adam","learning_rate","clip_norm","average","keep","patience","seed",
/// "time_limit_s"}; ranges stand in engines/torch/lstm_settings.h. Two epochs with equal metrics: the one
/// with less validation loss is the better. A checkpoint (docs/formats/checkpoint.md) is written at the end
/// of each epoch and every 2,000 steps; one that is damaged or of another job is passed over with a warning
/// to the observer.
class TextLstmTrainer final : public Trainer {
 public:
  std::string_view type() const override { return "lstm"; }
  std::string version() const override;
  Result<TrainOutcome> train(const TrainJob& job, TrainObserver& observer) override;
};

}  // namespace amas::engine
