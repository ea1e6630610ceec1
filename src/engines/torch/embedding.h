#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engines/torch/random.h"

namespace amas::engine::torch_lstm {

/// Some rows of tokens, seen step by step, as an LSTM reads them.
class TokenBatch {
 public:
  /// `tokens`: row-major [rows, length]. With `mask` the steps behind the longest row are left out.
  TokenBatch(std::span<const std::int32_t> tokens, std::size_t length, bool mask);
  /// How many rows there are.
  std::size_t rows() const { return tokens_.size() / length_; }
  /// How many steps are to be taken, at least one.
  std::size_t steps() const { return steps_; }
  /// The token of a row at a step.
  std::int32_t token(std::size_t row, std::size_t step) const { return tokens_[row * length_ + step]; }
  /// The step of each row's last token that is not padding, -1 for a row of padding alone; only with `mask`.
  const std::vector<std::int64_t>& last_steps() const { return last_steps_; }

 private:
  std::span<const std::int32_t> tokens_;
  std::size_t length_;
  std::size_t steps_;
  std::vector<std::int64_t> last_steps_;
};

/// Which values one training step drops: a hash of (seed, stream, step, which value), so that the backward
/// pass drops the same ones without a mask being kept.
class Dropout {
 public:
  /// Drops a share `rate` of values, in [0, 1), and scales the others by 1 / (1 - rate); differs by all that
  /// `random` differs by.
  Dropout(double rate, Random random);
  /// Drops nothing.
  static Dropout none() { return {0, Random(0, Stream::kDropout, 0)}; }
  /// Whether it changes anything.
  bool active() const { return threshold_ > 0; }
  /// to[i] = from[i], scaled, or zero where value number first + i is dropped.
  void copy(std::span<const float> from, std::size_t first, float* to) const;

 private:
  std::uint32_t key_;
  std::uint32_t threshold_;  ///< hashes below are dropped
  float scale_;
};

/// Looks tokens up: `table` [vocabulary, E] → `embedded` [steps, rows, E]. Of each row some columns are
/// dropped in all steps alike (Gal and Ghahramani 2016), as Keras's LSTM does.
void gather_rows(const TokenBatch& batch, std::span<const float> table, const Dropout& dropout,
                 std::span<float> embedded);

/// The gradient of an embedding table, of which one step touches few rows: only these are cleared, summed and
/// scaled.
class EmbeddingGradient {
 public:
  /// `width`: values of one row of the table.
  explicit EmbeddingGradient(std::int64_t width) : width_(static_cast<std::size_t>(width)) {}
  /// Clears what add() has written: `table` and `squares` (which may be empty) are all zeros again.
  void clear(std::span<float> table, std::span<float> squares);
  /// Adds the gradient of `embedded` [steps, rows, E] to `table`, and its square to `squares` unless that is
  /// empty.
  void add(const TokenBatch& batch, std::span<const float> embedded, const Dropout& dropout,
           std::span<float> table, std::span<float> squares);
  /// Sum of squares over the table.
  double square_sum(std::span<const float> table) const;
  /// Scales the table.
  void scale(std::span<float> table, float factor) const;
  /// Changes Adam's second moment so that its next step takes `squares`, the sum over occurrences of squared
  /// gradients, in place of the square of their sum, `table`.
  void weigh_occurrences(std::span<const float> table, std::span<const float> squares, double beta2,
                         std::span<float> second) const;

 private:
  std::size_t width_;
  std::vector<std::int32_t> touched_;  ///< rows since clear(), in order of first sight
  std::vector<std::uint8_t> is_touched_;
};

}  // namespace amas::engine::torch_lstm
