#pragma once

#include <cstdint>

#include "base/result.h"
#include "engine/trainer.h"

namespace amas::engine::torch_lstm {

/// The settings of one text LSTM, read from a job and checked.
struct LstmSettings {
  std::int64_t vocabulary = 20'000;  ///< rows of the embedding, padding (0) and unknown word included
  std::int64_t length = 200;         ///< tokens a row
  std::int64_t embedding = 64;       ///< width of the embedding
  std::int64_t units = 64;           ///< of the LSTM
  std::int64_t dense = 1;    ///< columns of the last layer: 1 (sigmoid) for two classes, else the classes
  double word_dropout = 0;   ///< share of words that are read as the unknown word (1) in training, in [0, 1)
  double dense_dropout = 0;  ///< share of the last state's values set to zero in training, in [0, 1)
  double dropout =
      0;  ///< share of embedded columns set to zero in training, for a row's steps alike, in [0, 1)
  bool mask = false;  ///< the state after a row's last token counts, not the one after its padding

  int epochs = 10;               ///< at most
  std::int64_t batch_size = 32;  ///< rows a step
  double learning_rate = 1e-3;
  double clip_norm = 0;  ///< bound of the norm over all gradients; 0: none
  /// Adam's second moment of an embedding row sums the squared gradients of each occurrence of its token, as
  /// Keras on TensorFlow does, in place of the square of their sum: smaller steps for frequent words and
  /// padding.
  bool token_moments = true;
  bool average = false;    ///< score and keep the average of the last weights instead of the last ones
  bool keep_last = false;  ///< keep the last epoch instead of the best
  int patience = 2;        ///< epochs without a better one before training ends; 0: it never ends early
  std::uint64_t seed = 7;
  double time_limit_s = 0;  ///< no epoch starts after this time; 0: none
  int threads = 1;
};

/// Reads and checks the settings of a job whose inputs are `tokens` INT32 [N,length].
///
/// Errors: kInvalidArgument for a setting out of range (says which, its value and its range), an unknown
/// optimiser, a
///         mask over padding in front, and inputs that are not tokens of this length and vocabulary;
///         kFailedPrecondition when a part has no rows or the training rows are of one class only.
Result<LstmSettings> read_settings(const TrainJob& job);

}  // namespace amas::engine::torch_lstm
