#pragma once

// The block walk over some kind of vectors, for files that are compiled for one processor only. See
// shallow_node.h for what may be included here.

#include "engines/forest/shallow_node.h"

namespace amas::engines::forest {
namespace {

/// The leaves that kTogether vectors of rows get from the subtree below node kNode of a tree of kDepth
/// levels.
template <class Vector>
struct Picked {
  typename Vector::Lanes of[Vector::kTogether];
};

template <class Vector, int kNode, int kDepth>
[[gnu::always_inline]] inline Picked<Vector> pick(const ShallowNode<float>* nodes, const float* leaves,
                                                  const float* block) {
  Picked<Vector> left, right;
  if constexpr (kNode >= (1 << (kDepth - 1))) {
    for (int i = 0; i < Vector::kTogether; ++i) {
      left.of[i] = Vector::broadcast(leaves + 2 * kNode - (1 << kDepth));
      right.of[i] = Vector::broadcast(leaves + 2 * kNode - (1 << kDepth) + 1);
    }
  } else {
    left = pick<Vector, 2 * kNode, kDepth>(nodes, leaves, block);
    right = pick<Vector, 2 * kNode + 1, kDepth>(nodes, leaves, block);
  }
  const float* column = block + nodes[kNode].column * kBlockRows;
  for (int i = 0; i < Vector::kTogether; ++i)
    left.of[i] = Vector::pick(column + i * Vector::kRows, nodes[kNode].threshold, left.of[i], right.of[i]);
  return left;
}

template <class Vector, int kDepth>
void walk_block(const ShallowNode<float>* nodes, const float* leaves, const float* block, int rows,
                float* out) {
  for (int row = 0; row < rows; row += Vector::kTogether * Vector::kRows) {
    const auto picked = pick<Vector, 1, kDepth>(nodes, leaves, block + row);
    for (int i = 0; i < Vector::kTogether; ++i) Vector::store(out + row + i * Vector::kRows, picked.of[i]);
  }
}

template <class Vector>
constexpr BlockWalks walks_of() {
  static_assert(kBlockDepthMax == 6 && kBlockRows % (Vector::kTogether * Vector::kRows) == 0);
  return {Vector::kName,
          {nullptr, walk_block<Vector, 1>, walk_block<Vector, 2>, walk_block<Vector, 3>,
           walk_block<Vector, 4>, walk_block<Vector, 5>, walk_block<Vector, 6>},
          Vector::kRowsMin};
}

}  // namespace
}  // namespace amas::engines::forest
