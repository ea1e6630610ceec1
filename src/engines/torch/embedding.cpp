#include "engines/torch/embedding.h"

#include <algorithm>
#include <utility>

namespace amas::engine::torch_lstm {

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

Dropout::Pass::Pass(const Dropout& dropout)
    : random_(dropout.seed_, Stream::kDropout, dropout.step_),
      threshold_(static_cast<std::uint32_t>(dropout.rate_ * 65'536)),
      scale_(static_cast<float>(1 / (1 - threshold_ / 65'536.0))) {}

inline float Dropout::Pass::next() {
  // 16 bits a value are enough: the rate is then right to 1.5e-5, and so is the scale, which is made from it.
  if (left_ == 0) {
    bits_ = random_.bits();
    left_ = 4;
  }
  const auto drawn = static_cast<std::uint32_t>(bits_ & 0xffff);
  bits_ >>= 16;
  --left_;
  return drawn < threshold_ ? 0.0F : scale_;
}

void Dropout::Pass::copy(std::span<const float> from, float* to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i] * next();
}

void Dropout::Pass::add(std::span<const float> from, float* to) {
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i] * next();
}

void gather_rows(const TokenBatch& batch, std::span<const float> table, const Dropout& dropout,
                 std::span<float> embedded) {
  const std::size_t width = embedded.size() / (batch.steps() * batch.rows());
  Dropout::Pass pass(dropout);
  float* to = embedded.data();
  for (std::size_t step = 0; step < batch.steps(); ++step)
    for (std::size_t row = 0; row < batch.rows(); ++row, to += width) {
      const auto from = table.subspan(static_cast<std::size_t>(batch.token(row, step)) * width, width);
      if (dropout.active()) pass.copy(from, to);
      else std::copy(from.begin(), from.end(), to);
    }
}

void EmbeddingGradient::add(const TokenBatch& batch, std::span<const float> embedded, const Dropout& dropout,
                            std::span<float> table) {
  is_touched_.resize(table.size() / width_);
  for (const std::int32_t row : touched_) {
    std::fill_n(table.begin() + row * static_cast<std::ptrdiff_t>(width_), width_, 0.0F);
    is_touched_[static_cast<std::size_t>(row)] = 0;
  }
  touched_.clear();
  Dropout::Pass pass(dropout);
  const float* from = embedded.data();
  for (std::size_t step = 0; step < batch.steps(); ++step)
    for (std::size_t row = 0; row < batch.rows(); ++row, from += width_) {
      const std::int32_t token = batch.token(row, step);
      if (!std::exchange(is_touched_[static_cast<std::size_t>(token)], std::uint8_t{1}))
        touched_.push_back(token);
      float* to = table.data() + static_cast<std::size_t>(token) * width_;
      if (dropout.active()) pass.add({from, width_}, to);
      else
        for (std::size_t i = 0; i < width_; ++i) to[i] += from[i];
    }
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
