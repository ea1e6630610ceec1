#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "model/onnx.h"
#include "tensor/tensor.h"

/// What the graphs must answer, computed in double precision straight from the textbook's formulas. For
/// tests.
namespace amas::engines::reference {

/// The scores of one row of tokens. Source: Hochreiter and Schmidhuber 1997, with forget gates.
std::vector<double> scores(const model::TextLstm& net, std::span<const std::int32_t> tokens);

/// The scores of one row of sparse features.
std::vector<double> scores(const model::SparseLinear& linear, std::span<const std::int32_t> indices,
                           std::span<const float> values);

/// Numbers from a normal distribution of this deviation.
std::vector<float> normal(std::int64_t count, float deviation, std::mt19937& random);

/// A net with weights about as large as a trained one's. `shape` has its sizes, dense, length and mask.
model::TextLstm random_net(model::TextLstm shape);

/// Rows of tokens, of which the i-th has about i / rows of its length filled, padded behind with 0.
Tensor random_tokens(std::int64_t rows, std::int64_t length, std::int64_t vocabulary);

}  // namespace amas::engines::reference
