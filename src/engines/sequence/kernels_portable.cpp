#include <cmath>
#include <cstring>
#include <utility>

#include "engines/sequence/kernels.h"

namespace amas::engines::sequence {
namespace {

/// Half from float, rounded to even as the processors' instruction does.
std::uint16_t half_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x7f800000u)
    return static_cast<std::uint16_t>(sign | (magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u));
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // a subnormal half: multiples of 2^-24
    const float scaled = std::fabs(value) * 0x1p24F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rounded = magnitude + 0xfffu + (magnitude >> 13 & 1u);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

float float_of(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16, exponent = half >> 10 & 31u,
                      mantissa = half & 0x3ffu;
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const std::uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Vectors of 16 written out. Every operation rounds as the processors' vector instructions do, so that the
/// bits are theirs; on a processor without fused multiply-add this is slow.
struct Isa {
  struct Float {
    float at[kBlock];
  };
  struct Integer {
    std::int32_t at[kBlock];
  };
  struct Short {
    std::int16_t at[kBlock];
  };
  static constexpr int kWidth = kBlock;
  static constexpr int kShorts = kBlock;
  static constexpr bool kHasInt8 = true;

  template <class Value>
  static Float each(Value value) {
    Float result;
    for (int i = 0; i < kBlock; ++i) result.at[i] = value(i);
    return result;
  }
  static Float all(float x) {
    return each([&](int) { return x; });
  }
  static Integer zero() { return {}; }
  static Float load(const float* from) {
    return each([&](int i) { return from[i]; });
  }
  static Float load(const std::uint16_t* from) {
    return each([&](int i) { return float_of(from[i]); });
  }
  static void store(float* to, const Float& x) { std::memcpy(to, x.at, sizeof x.at); }
  static void store(std::uint16_t* to, const Float& x) {
    for (int i = 0; i < kBlock; ++i) to[i] = half_of(x.at[i]);
  }
  static Float broadcast_float(const char* from) {
    float value = 0;
    std::memcpy(&value, from, sizeof value);
    return all(value);
  }
  static Integer broadcast_group(const char* from) {
    Integer result;
    for (std::int32_t& group : result.at) std::memcpy(&group, from, sizeof group);
    return result;
  }
  static Float add(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] + b.at[i]; });
  }
  static Float subtract(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] - b.at[i]; });
  }
  static Float multiply(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] * b.at[i]; });
  }
  static Float divide(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] / b.at[i]; });
  }
  static Float multiply_add(const Float& a, const Float& b, const Float& c) {
    return each([&](int i) { return std::fma(a.at[i], b.at[i], c.at[i]); });
  }
  static Float minimum(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] < b.at[i] ? a.at[i] : b.at[i]; });
  }
  static Float maximum(const Float& a, const Float& b) {
    return each([&](int i) { return a.at[i] > b.at[i] ? a.at[i] : b.at[i]; });
  }
  static Float to_float(const Integer& x) {
    return each([&](int i) { return static_cast<float>(x.at[i]); });
  }
  static Float add_exponent(const Float& x, const Float& shifted) {
    Float result;
    for (int i = 0; i < kBlock; ++i) {
      std::uint32_t bits = 0, exponent = 0;
      std::memcpy(&bits, &x.at[i], sizeof bits);
      std::memcpy(&exponent, &shifted.at[i], sizeof exponent);
      bits += exponent << 23;
      std::memcpy(&result.at[i], &bits, sizeof bits);
    }
    return result;
  }
  static Integer add_int16_products(Integer sum, const Integer& state, const char* weights) {
    for (int i = 0; i < kBlock; ++i) {
      std::int16_t h[2], w[2];
      std::memcpy(h, &state.at[i], sizeof h);
      std::memcpy(w, weights + 4 * i, sizeof w);
      sum.at[i] += h[0] * w[0] + h[1] * w[1];
    }
    return sum;
  }
  static Integer add_int8_products(Integer sum, const Integer& state, const char* weights) {
    for (int i = 0; i < kBlock; ++i) {
      std::uint8_t h[4];
      std::int8_t w[4];
      std::memcpy(h, &state.at[i], sizeof h);
      std::memcpy(w, weights + 4 * i, sizeof w);
      for (int j = 0; j < 4; ++j) sum.at[i] += h[j] * w[j];
    }
    return sum;
  }
  static void store_int16(std::int16_t* to, const Float& x) {
    for (int i = 0; i < kBlock; ++i) to[i] = static_cast<std::int16_t>(std::nearbyint(x.at[i]));
  }
  static void store_uint8(std::uint8_t* to, const Float& x) {
    for (int i = 0; i < kBlock; ++i) to[i] = static_cast<std::uint8_t>(std::nearbyint(x.at[i]));
  }
  static Short load(const std::int16_t* from) {
    Short result;
    std::memcpy(result.at, from, sizeof result.at);
    return result;
  }
  static void store(std::int16_t* to, const Short& x) { std::memcpy(to, x.at, sizeof x.at); }
  static Short all_least() {
    Short result;
    for (std::int16_t& value : result.at) value = INT16_MIN;
    return result;
  }
  static Short add_short(Short a, const Short& b) {
    for (int i = 0; i < kBlock; ++i) a.at[i] = static_cast<std::int16_t>(a.at[i] + b.at[i]);
    return a;
  }
  static Short maximum_short(Short a, const Short& b) {
    for (int i = 0; i < kBlock; ++i) a.at[i] = a.at[i] > b.at[i] ? a.at[i] : b.at[i];
    return a;
  }
};

#include "engines/sequence/kernel.inl"

}  // namespace

const Kernels kPortableKernels{"portable", true, run, fold, pool, activate, to_int16};

}  // namespace amas::engines::sequence
