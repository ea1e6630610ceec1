#pragma once

// For tests: random tree operators of ONNX, and their rows as tensors.

#include <random>

#include "engines/forest/onnx_trees.h"
#include "tensor/tensor.h"

namespace amas::engines::forest::plain {

/// A tree operator together with the version of ai.onnx.ml that can say it.
struct RandomOperator {
  TreeOperator trees{};
  std::int64_t version = 3;
};

/// Classifiers, regressors and TreeEnsembles of all kinds that export_trees() can write.
RandomOperator random_operator(std::mt19937& random);

/// 1 to 100 rows for it.
Tensor random_input(const Forest& forest, std::mt19937& random);

}  // namespace amas::engines::forest::plain
