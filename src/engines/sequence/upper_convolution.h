#pragma once

#include <span>

#include "base/result.h"
#include "engines/sequence/packed_layer.h"

namespace amas::engines::sequence {

/// A convolution over the steps of another, packed as one product a step: what a step reads, `width` steps of
/// the one below, lies side by side. `cell` points into the rest.
struct UpperConvolution {
  Convolution convolution;  ///< without its kernel
  PackedCell cell;          ///< of kFloat32, or of kInt16 with `scales` for sums of states in [-1, 1]
  AlignedBytes weights, scales, bias;
};

/// Values a step that it gives: filters in whole vectors, zeros behind them.
int columns_of(const UpperConvolution& upper);

/// Packs one. `channels`: values a step below, with those that are only padding; convolution.kernel has
/// `real_channels` of them. kInt8 is as kInt16.
///
/// Errors: kUnimplemented when a step reads too much for sums of integers.
Result<UpperConvolution> pack_convolution(const Convolution& convolution, int real_channels, int channels,
                                          Precision precision);

/// Which ends of its row a stretch of steps has: zeros stand around the row, not around the stretch.
struct Ends {
  bool front = true, behind = true;
};

/// Steps of values, with steps of zeros around them that the next convolution reads, too.
struct Steps {
  int count = 0, width = 0;   ///< those between the zeros, and values of each
  int front = 0, behind = 0;  ///< zeros
  AlignedBytes values{};      ///< floats, [front + count + behind, width]
  /// The first of those between the zeros.
  float* begin() const;
};

/// `count` steps of zeros, with room around them for those that `next` wants at its row's ends; null: none.
Steps zero_steps(int count, int width, const Convolution* next, Ends ends);

/// Puts the activation of the convolution below on its steps, in their place, and runs one over them. Gives
/// sums, with the bias, before its own activation. At least one step must come of it.
Steps run_convolution(const UpperConvolution& upper, const Kernels& kernels, Activation below, Steps steps,
                      const Convolution* next, Ends ends);

}  // namespace amas::engines::sequence
