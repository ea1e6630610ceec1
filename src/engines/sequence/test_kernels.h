#pragma once

// What the tests of the kernels share.

#include <cmath>
#include <random>
#include <vector>

#include "engines/sequence/kernels.h"

namespace amas::engines::sequence {

/// Numbers in [-limit, limit].
inline std::vector<float> uniform(std::size_t count, double limit, std::mt19937& random) {
  std::uniform_real_distribution<float> value(static_cast<float>(-limit), static_cast<float>(limit));
  std::vector<float> values(count);
  for (float& one : values) one = value(random);
  return values;
}

/// Whether these kernels can run here.
inline bool processor_has(const Kernels& kernels) {
#if defined(__x86_64__)
  if (&kernels == &kAvx512Kernels) return __builtin_cpu_supports("avx512vnni") != 0;
  if (&kernels == &kAvx2Kernels) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return true;
}

}  // namespace amas::engines::sequence
