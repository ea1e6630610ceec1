#include "engines/torch/embedding.h"

#include <algorithm>
#include <utility>

// Compiled for several processors, the right one chosen when the program starts: with wide vectors a value
// costs 0.1 ns.
#define AMAS_FOR_WIDE_VECTORS __attribute__((target_clones("avx512f", "avx2", "default")))

namespace amas::engine::torch_lstm {
namespace {

struct Mask {
  std::uint32_t begin;
  std::uint32_t threshold;
  float scale;

  /// 0 or the scale for the value that stands `i` behind the first. The hash is Wellons's "lowbias32".
  float factor(std::size_t i) const {
    std::uint32_t hash = begin + static_cast<std::uint32_t>(i);
    hash = (hash ^ (hash >> 16)) * 0x7feb352du;
    hash = (hash ^ (hash >> 15)) * 0x846ca68bu;
    hash ^= hash >> 16;
    return hash < threshold ? 0.0F : scale;
  }
};

AMAS_FOR_WIDE_VECTORS void copy_dropped(const float* __restrict from, std::size_t count, Mask mask,
                                        float* __restrict to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = from[i] * mask.factor(i);
}

AMAS_FOR_WIDE_VECTORS void add_to(std::span<const float> from, float* __restrict to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

AMAS_FOR_WIDE_VECTORS void add_squares_to(std::span<const float> from, float* __restrict to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i] * from[i];
}

}  // namespace

TokenBatch::TokenBatch(std::span<const std::int32_t> tokens, std::size_t length, bool mask)
    : tokens_(tokens), length_(length), steps_(length) {
  if (!mask) return;
  std::int64_t longest = 0;  // one step at least
  for (std::size_t row = 0; row < rows(); ++row) {
    auto last = static_cast<std::int64_t>(length) - 1;
    while (last >= 0 && token(row, static_cast<std::size_t>(last)) == 0) --last;
    last_steps_.push_back(last);
    longest = std::max(longest, last);
  }
  steps_ = static_cast<std::size_t>(longest) + 1;
}

Dropout::Dropout(double rate, Random random)
    : key_(static_cast<std::uint32_t>(random.bits())),
      threshold_(static_cast<std::uint32_t>(rate * 0x1p32)),
      scale_(static_cast<float>(1 / (1 - rate))) {}

void Dropout::copy(std::span<const float> from, std::size_t first, float* to) const {
  const auto begin = key_ + static_cast<std::uint32_t>(first);
  copy_dropped(from.data(), from.size(), {begin, threshold_, scale_}, to);
}

void gather_rows(const TokenBatch& batch, std::span<const float> table, const Dropout& dropout,
                 std::span<float> embedded) {
  const std::size_t width = embedded.size() / (batch.steps() * batch.rows());
  float* to = embedded.data();
  for (std::size_t step = 0; step < batch.steps(); ++step)
    for (std::size_t row = 0; row < batch.rows(); ++row, to += width) {
      const auto from = table.subspan(static_cast<std::size_t>(batch.token(row, step)) * width, width);
      if (dropout.active()) dropout.copy(from, row * width, to);
      else std::copy(from.begin(), from.end(), to);
    }
}

void EmbeddingGradient::clear(std::span<float> table, std::span<float> squares) {
  for (const std::int32_t row : touched_) {
    const std::ptrdiff_t at = row * static_cast<std::ptrdiff_t>(width_);
    std::fill_n(table.begin() + at, width_, 0.0F);
    if (!squares.empty()) std::fill_n(squares.begin() + at, width_, 0.0F);
    is_touched_[static_cast<std::size_t>(row)] = 0;
  }
  touched_.clear();
}

void EmbeddingGradient::add(const TokenBatch& batch, std::span<const float> embedded, const Dropout& dropout,
                            std::span<float> table, std::span<float> squares) {
  is_touched_.resize(table.size() / width_);
  std::vector<float> one(width_);
  const float* from = embedded.data();
  for (std::size_t step = 0; step < batch.steps(); ++step)
    for (std::size_t row = 0; row < batch.rows(); ++row, from += width_) {
      const std::int32_t token = batch.token(row, step);
      if (!std::exchange(is_touched_[static_cast<std::size_t>(token)], std::uint8_t{1}))
        touched_.push_back(token);
      const std::size_t at = static_cast<std::size_t>(token) * width_;
      if (dropout.active()) dropout.copy({from, width_}, row * width_, one.data());
      else std::copy_n(from, width_, one.begin());
      add_to(one, table.data() + at);
      if (!squares.empty()) add_squares_to(one, squares.data() + at);
    }
}

void EmbeddingGradient::weigh_occurrences(std::span<const float> table, std::span<const float> squares,
                                          double beta2, std::span<float> second) const {
  // The step makes beta2 · second + (1 - beta2) · table²: here second gets what turns table² into squares.
  const auto share = static_cast<float>((1 - beta2) / beta2);
  for (const std::int32_t row : touched_)
    for (std::size_t i = static_cast<std::size_t>(row) * width_, end = i + width_; i < end; ++i)
      second[i] += share * (squares[i] - table[i] * table[i]);
}

double EmbeddingGradient::square_sum(std::span<const float> table) const {
  double sum = 0;
  for (const std::int32_t row : touched_)
    for (const float value : table.subspan(static_cast<std::size_t>(row) * width_, width_))
      sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

void EmbeddingGradient::scale(std::span<float> table, float factor) const {
  for (const std::int32_t row : touched_)
    for (float& value : table.subspan(static_cast<std::size_t>(row) * width_, width_)) value *= factor;
}

}  // namespace amas::engine::torch_lstm
