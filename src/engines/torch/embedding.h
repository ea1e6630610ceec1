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

/// Which embedded values one training step drops. Any number of passes in the same order draws the same ones,
/// so that the mask of the forward pass need not be kept for the backward pass.
class Dropout {
 public:
  /// Drops a share `rate` of values and scales the others by 1 / (1 - rate); differs by seed and step.
  Dropout(double rate, std::uint64_t seed, std::uint64_t step) : rate_(rate), seed_(seed), step_(step) {}
  /// Drops nothing.
  static Dropout none() { return {0, 0, 0}; }
  /// Whether it changes anything.
  bool active() const { return rate_ > 0; }

  /// One pass over the values, in order.
  class Pass {
   public:
    explicit Pass(const Dropout& dropout);
    /// to[i] = from[i], scaled, or zero where dropped.
    void copy(std::span<const float> from, float* to);
    /// to[i] += from[i], scaled, where not dropped.
    void add(std::span<const float> from, float* to);

   private:
    /// 0 or the scale, for the next value.
    float next();
    Random random_;
    std::uint64_t bits_ = 0;
    int left_ = 0;
    std::uint32_t threshold_;
    float scale_;
  };

 private:
  double rate_;
  std::uint64_t seed_;
  std::uint64_t step_;
};

/// Looks tokens up: `table` [vocabulary, E] → `embedded` [steps, rows, E].
void gather_rows(const TokenBatch& batch, std::span<const float> table, const Dropout& dropout,
                 std::span<float> embedded);

/// The gradient of an embedding table, of which one step touches few rows: only these are cleared, summed and
/// scaled.
class EmbeddingGradient {
 public:
  /// `width`: values of one row of the table.
  explicit EmbeddingGradient(std::int64_t width) : width_(static_cast<std::size_t>(width)) {}
  /// Clears the rows of the step before, then adds the gradient of `embedded` [steps, rows, E] to `table`.
  void add(const TokenBatch& batch, std::span<const float> embedded, const Dropout& dropout,
           std::span<float> table);
  /// Sum of squares over the table.
  double square_sum(std::span<const float> table) const;
  /// Scales the table.
  void scale(std::span<float> table, float factor) const;

 private:
  std::size_t width_;
  std::vector<std::int32_t> touched_;  ///< rows of the last step, in order of first sight
  std::vector<std::uint8_t> is_touched_;
};

}  // namespace amas::engine::torch_lstm
