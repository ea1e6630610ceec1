// Compiled with -mavx512f; see CMakeLists.txt.

#ifdef __AVX512F__

#include <immintrin.h>

#include "engines/forest/block_walk.h"

namespace amas::engines::forest {
namespace {

struct Avx512 {
  using Lanes = __m512;
  static constexpr const char* kName = "avx512";
  static constexpr int kRows = 16, kTogether = 4;
  static constexpr int kRowsMin = 24;
  static Lanes broadcast(const float* leaf) { return _mm512_set1_ps(*leaf); }
  static Lanes pick(const float* column, float threshold, Lanes left, Lanes right) {
    return _mm512_mask_mov_ps(
        left, _mm512_cmp_ps_mask(_mm512_load_ps(column), _mm512_set1_ps(threshold), _CMP_NLE_UQ), right);
  }
  static void store(float* out, Lanes picked) { _mm512_store_ps(out, picked); }
};

constexpr BlockWalks kWalks = walks_of<Avx512>();

}  // namespace

const BlockWalks& block_walks_avx512() { return kWalks; }

}  // namespace amas::engines::forest

#endif
