#pragma once

#include <vector>

#include "engines/torch/lstm_settings.h"
#include "tensor/tensor.h"

namespace amas::engine::torch_lstm {

/// Where each parameter stands in every list of parameters. E embedding, H units, D columns of the dense
/// layer.
enum Parameter : std::size_t {
  kTable,        ///< embedding [vocabulary, E]
  kKernel,       ///< [4H, E], gates in torch's order i, f, g, o
  kRecurrent,    ///< [4H, H]
  kBias,         ///< [4H]
  kDenseKernel,  ///< [D, H]
  kDenseBias,    ///< [D]
  kParameters,
};

/// Weights as Keras draws them, which on texts reach in 3 epochs a loss that torch's own do not: embedding
/// uniform in ±0.05, kernels Glorot-uniform, recurrent kernel orthogonal (Saxe et al. 2014), biases zero but
/// the forget gate's one. In the order of Parameter. Depends on settings.seed and the sizes only.
std::vector<NamedTensor> initial_weights(const LstmSettings& settings);

}  // namespace amas::engine::torch_lstm
