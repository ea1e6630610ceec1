#pragma once

#include <array>
#include <cstdint>

namespace amas::engine::torch_lstm {

/// What a stream of random numbers is for, so that streams of one seed never meet.
enum class Stream : std::uint64_t {
  kWeights = 1,
  kShuffle = 2,
  kDropout = 3,
  kDenseDropout = 4,
  kWordDropout = 5
};

/// xoshiro256** (Blackman, Vigna 2018), seeded by SplitMix64 from (seed, stream, index). Any point of
/// training can be drawn again from its numbers alone: a resumed run needs no stored generator, and every
/// machine draws the same.
class Random {
 public:
  /// `index`: which epoch, or step, or parameter.
  Random(std::uint64_t seed, Stream stream, std::uint64_t index);

  /// 64 random bits.
  std::uint64_t bits() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate(state_[3], 45);
    return result;
  }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, bound), without bias. bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Marsaglia's polar method).
  double normal();

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  std::array<std::uint64_t, 4> state_;
};

}  // namespace amas::engine::torch_lstm
