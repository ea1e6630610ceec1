#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tensor/tensor.h"

namespace amas::differential {

/// A text net drawn at random, as different tools would write it.
struct RandomTextNet {
  std::string onnx;
  std::string description;
  std::int64_t vocabulary = 0, length = 0;
  bool open = false;  ///< rows may have any length
  bool mask = false;
  DType token_type = DType::kInt32;
};

/// Draws a net: LSTM or GRU, one to three layers, one or two directions, 1 to 140 units, with or without
/// zeros to begin with; or one to three branches side by side, of up to three convolutions one over the other
/// or of the embedding, pooled over all steps; and one to three dense layers.
RandomTextNet random_text_net(std::mt19937& random);

/// Rows of tokens for it: full ones, padded in front and behind, empty ones, and tokens counted from
/// the table's end.
Tensor random_rows(const RandomTextNet& net, std::int64_t rows, std::mt19937& random);

}  // namespace amas::differential
