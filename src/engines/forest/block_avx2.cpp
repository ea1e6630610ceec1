// Compiled with -mavx2; see CMakeLists.txt.

#ifdef __AVX2__

#include <immintrin.h>

#include "engines/forest/block_walk.h"

namespace amas::engines::forest {
namespace {

struct Avx2 {
  using Lanes = __m256;
  static constexpr const char* kName = "avx2";
  static constexpr int kRows = 8, kTogether = 2;  // sixteen registers hold no more
  static constexpr int kRowsMin = 16;
  static Lanes broadcast(const float* leaf) { return _mm256_broadcast_ss(leaf); }
  static Lanes pick(const float* column, float threshold, Lanes left, Lanes right) {
    return _mm256_blendv_ps(left, right,
                            _mm256_cmp_ps(_mm256_load_ps(column), _mm256_set1_ps(threshold), _CMP_NLE_UQ));
  }
  static void store(float* out, Lanes picked) { _mm256_store_ps(out, picked); }
};

constexpr BlockWalks kWalks = walks_of<Avx2>();

}  // namespace

const BlockWalks& block_walks_avx2() { return kWalks; }

}  // namespace amas::engines::forest

#endif
