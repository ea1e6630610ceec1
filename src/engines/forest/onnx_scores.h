#pragma once

#include <span>

#include "engines/forest/onnx_trees.h"

namespace amas::engines::forest {

/// From the margins of one row to what ONNX Runtime answers for it, to the bit.
///
/// `margins`, `voted`: [targets], as Compiled::margins() gives them. `scores`: [targets], written.
/// Returns the index of the winning class into the labels (0 for what is no classifier).
std::size_t onnx_scores(const TreeOperator& trees, std::span<const double> margins,
                        std::span<const std::uint8_t> voted, std::span<double> scores);

/// Whether onnx_scores() knows what ONNX Runtime answers: it leaves some scores unwritten.
///
/// Errors: kUnimplemented.
Status check_scores_known(const TreeOperator& trees);

}  // namespace amas::engines::forest
