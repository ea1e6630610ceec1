#pragma once

#include <span>
#include <vector>

#include "engines/sequence/net.h"

namespace amas::engines::sequence {

/// What an activation other than softmax makes of one value.
double activated(Activation activation, double value);

/// Runs the dense layers over one row. `values`: head[0].rows; `result`: head.back().columns. Sums are in
/// double, in one order, so that all processors give the same bits.
void run_head(std::span<const DenseLayer> head, std::span<const float> values, std::span<float> result);

}  // namespace amas::engines::sequence
