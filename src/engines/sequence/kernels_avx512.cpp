#include <immintrin.h>

#include <utility>

#include "engines/sequence/kernels.h"

namespace amas::engines::sequence {
namespace {

/// Vectors of 16 in AVX-512. The integer products are inline assembly: g++ 12 copies every sum around the
/// intrinsics.
struct Isa {
  using Float = __m512;
  using Integer = __m512i;
  using Short = __m512i;
  static constexpr int kWidth = 16;
  static constexpr int kShorts = 32;
  static constexpr bool kHasInt8 = true;

  static Float all(float x) { return _mm512_set1_ps(x); }
  static Integer zero() { return _mm512_setzero_si512(); }
  static Float load(const float* from) { return _mm512_loadu_ps(from); }
  static Float load(const std::uint16_t* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static void store(float* to, Float x) { _mm512_storeu_ps(to, x); }
  static void store(std::uint16_t* to, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static Float broadcast_float(const char* from) {
    return _mm512_set1_ps(*reinterpret_cast<const float*>(from));
  }
  static Integer broadcast_group(const char* from) {
    return _mm512_set1_epi32(*reinterpret_cast<const int*>(from));
  }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float divide(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  static Float minimum(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float maximum(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float to_float(Integer x) { return _mm512_cvtepi32_ps(x); }
  static Float add_exponent(Float x, Float shifted) {
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
  }
  static Integer add_int16_products(Integer sum, Integer state, const char* weights) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(state), "m"(*reinterpret_cast<const __m512i*>(weights)));
    return sum;
  }
  static Integer add_int8_products(Integer sum, Integer state, const char* weights) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(state), "m"(*reinterpret_cast<const __m512i*>(weights)));
    return sum;
  }
  static void store_int16(std::int16_t* to, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x)));
  }
  static void store_uint8(std::uint8_t* to, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  static Short load(const std::int16_t* from) { return _mm512_loadu_si512(from); }
  static void store(std::int16_t* to, Short x) { _mm512_storeu_si512(to, x); }
  static Short all_least() { return _mm512_set1_epi16(INT16_MIN); }
  static Short add_short(Short a, Short b) { return _mm512_add_epi16(a, b); }
  static Short maximum_short(Short a, Short b) { return _mm512_max_epi16(a, b); }
};

#include "engines/sequence/kernel.inl"

}  // namespace

const Kernels kAvx512Kernels{"avx512-vnni", true, run, fold, pool, activate, to_int16};

}  // namespace amas::engines::sequence
