#pragma once

#include <span>

#include "engines/forest/forest.h"

namespace amas::engines::forest {

/// How many predictions a row has: one for kArgmax, else one a target.
std::size_t prediction_count(const Forest& forest);

/// From the margins of one row to its predictions, computed in double.
///
/// `forest`: its link is none of ONNX's own, kSoftmaxZero and kProbit: those are in onnx_scores().
/// `margins`: [targets]. `predictions`: [prediction_count()], written.
void predict(const Forest& forest, std::span<const double> margins, std::span<double> predictions);

}  // namespace amas::engines::forest
