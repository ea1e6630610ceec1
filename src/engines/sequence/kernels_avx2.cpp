#include <immintrin.h>

#include <utility>

#include "engines/sequence/kernels.h"

namespace amas::engines::sequence {
namespace {

/// Vectors of 8 in AVX2, FMA and F16C.
struct Isa {
  using Float = __m256;
  using Integer = __m256i;
  using Short = __m256i;
  static constexpr int kWidth = 8;
  static constexpr int kShorts = 16;
  static constexpr bool kHasInt8 = false;

  static Float all(float x) { return _mm256_set1_ps(x); }
  static Integer zero() { return _mm256_setzero_si256(); }
  static Float load(const float* from) { return _mm256_loadu_ps(from); }
  static Float load(const std::uint16_t* from) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  }
  static void store(float* to, Float x) { _mm256_storeu_ps(to, x); }
  static void store(std::uint16_t* to, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static Float broadcast_float(const char* from) {
    return _mm256_broadcast_ss(reinterpret_cast<const float*>(from));
  }
  static Integer broadcast_group(const char* from) {
    return _mm256_set1_epi32(*reinterpret_cast<const int*>(from));
  }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float divide(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  static Float minimum(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float maximum(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float to_float(Integer x) { return _mm256_cvtepi32_ps(x); }
  static Float add_exponent(Float x, Float shifted) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
  }
  static Integer add_int16_products(Integer sum, Integer state, const char* weights) {
    return _mm256_add_epi32(
        sum, _mm256_madd_epi16(state, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights))));
  }
  static void store_int16(std::int16_t* to, Float x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
  }
  static Short load(const std::int16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void store(std::int16_t* to, Short x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x); }
  static Short all_least() { return _mm256_set1_epi16(INT16_MIN); }
  static Short add_short(Short a, Short b) { return _mm256_add_epi16(a, b); }
  static Short maximum_short(Short a, Short b) { return _mm256_max_epi16(a, b); }
};

#include "engines/sequence/kernel.inl"

}  // namespace

const Kernels kAvx2Kernels{"avx2", false, run, fold, pool, activate, to_int16};

}  // namespace amas::engines::sequence
