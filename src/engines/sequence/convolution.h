#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engines/sequence/packed_layer.h"
#include "engines/sequence/upper_convolution.h"

namespace amas::engines::sequence {

/// A branch whose first kernel is multiplied with the embedding once for all: a step's sum is that of `width`
/// rows. `packed` points into the rest.
struct FoldedBranch {
  PackedBranch packed;
  Branch branch;     ///< without its kernels
  int zero_row = 0;  ///< the row of a step that is no token
  AlignedBytes rows, scales, bias;
  std::vector<UpperConvolution> above{};
};

/// The memory that its rows and weights take.
std::size_t folded_bytes(const Branch& branch, int rows, Precision precision);

/// Folds a branch: in float for kFloat32; otherwise in fixed point of 16 bits where each step is taken by
/// itself, else in half. Takes twice the memory for a while.
///
/// Errors: kUnimplemented when a product can become too large for that type.
Result<FoldedBranch> fold_branch(const Branch& branch, const Net& net, Precision precision,
                                 const Kernels& kernels);

/// Runs one branch over one row of tokens, each a row of the table; at least branch.shortest() of them.
/// Writes branch.last().filters values. Threads: safe to call from several at once.
void run_branch(const FoldedBranch& folded, const Kernels& kernels, std::span<const std::int32_t> tokens,
                float* result);

}  // namespace amas::engines::sequence
