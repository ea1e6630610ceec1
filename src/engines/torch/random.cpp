#include "engines/torch/random.h"

#include <cmath>

namespace amas::engine::torch_lstm {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed, Stream stream, std::uint64_t index) : state_{} {
  std::uint64_t mixed = seed;
  mixed = split_mix(mixed) ^ static_cast<std::uint64_t>(stream);
  mixed = split_mix(mixed) ^ index;
  for (auto& word : state_) word = split_mix(mixed);
}

std::uint64_t Random::below(std::uint64_t bound) {
  // The low `-bound % bound` values would be drawn once too often: they are drawn again.
  const std::uint64_t threshold = -bound % bound;
  for (;;) {
    const std::uint64_t drawn = bits();
    if (drawn >= threshold) return drawn % bound;
  }
}

double Random::normal() {
  for (;;) {
    const double x = 2 * uniform() - 1;
    const double y = 2 * uniform() - 1;
    const double square = x * x + y * y;
    if (square > 0 && square < 1) return x * std::sqrt(-2 * std::log(square) / square);
  }
}

}  // namespace amas::engine::torch_lstm
