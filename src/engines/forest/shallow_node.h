#pragma once

// Included by files that are compiled for one processor only: nothing here may bring in functions, which the
// linker might then take for the whole program.

#include <cstdint>

namespace amas::engines::forest {

/// A node of a complete tree. Node i (the root is 1) has the children 2i and 2i + 1: a row goes to 2i where
/// x <= threshold, else (also for NaN) to 2i + 1.
template <class T>
struct ShallowNode {
  T threshold = 0;
  std::uint16_t feature = 0;  ///< column of a row without missing values
  std::uint16_t column = 0;   ///< index into Layout::columns
};

/// Rows that a block of columns holds.
inline constexpr int kBlockRows = 64;
/// Levels of a tree that a block can go through.
inline constexpr int kBlockDepthMax = 6;

/// Sends a block of rows through one complete tree: decides every node for every row, and picks leaves from
/// the bottom up, which needs no addresses that depend on the rows.
///
/// `nodes`: node 1 is at nodes[1]. `leaves`: what rows get, moved as bits. `block`: column c
/// of row r at block[c * kBlockRows + r], aligned to 64 bytes, all kBlockRows set. `out`: [kBlockRows],
/// aligned likewise; at least the first `rows` are written.
using BlockWalk = void (*)(const ShallowNode<float>* nodes, const float* leaves, const float* block, int rows,
                           float* out);

/// The block walks for one kind of processor.
struct BlockWalks {
  const char* name = "portable";
  BlockWalk of_depth[kBlockDepthMax + 1]{};  ///< by levels of the tree; none for 0
  int rows_min = 0;                          ///< from here on quicker than row by row
};

/// What the files for one processor offer; call what they hold only where the processor can.
const BlockWalks& block_walks_avx2();
/// The same for AVX-512F.
const BlockWalks& block_walks_avx512();

}  // namespace amas::engines::forest
