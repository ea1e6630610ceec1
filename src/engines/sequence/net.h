#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engines/sequence/kernels.h"
#include "tensor/tensor.h"

namespace amas::engines::sequence {

/// One direction of a recurrent layer. Gates of an LSTM in the order i, f, o, g; of a GRU z, r, n.
struct Direction {
  bool reverse = false;            ///< reads the last step first
  bool one_step = false;           ///< of the last layer: only the state after its first step is wanted
  std::vector<float> kernel{};     ///< [gates, units, input]
  std::vector<float> recurrent{};  ///< [gates, units, units]
  std::vector<float> bias{};  ///< [gates, units], both biases together, but of a GRU's n only the input's
  std::vector<float>
      state_bias{};  ///< [units]: the bias of a GRU's n inside the reset gate; empty for an LSTM
};

/// A recurrent layer; two directions are put side by side.
struct RecurrentLayer {
  Cell cell = Cell::kLstm;
  int units = 0;
  int input = 0;  ///< values a step
  std::vector<Direction> directions{};
};

/// A dense layer.
struct DenseLayer {
  int rows = 0, columns = 0;
  std::vector<float> kernel{};  ///< [rows, columns]
  std::vector<float> bias{};    ///< [columns]
  Activation activation = Activation::kNone;
};

/// How the steps of a row become one. kMaskedMean: of those steps alone whose tokens are above 0.
enum class Pooling { kMax, kMean, kMaskedMean };

/// A convolution over steps.
struct Convolution {
  int filters = 0, width = 1;
  int front = 0, behind = 0;    ///< steps of zeros around those that it reads
  std::vector<float> kernel{};  ///< [width, filters, channels]; empty: the embedding itself, width 1
  std::vector<float> bias{};    ///< [filters]
  Activation activation = Activation::kNone;  ///< of each step; no softmax
  /// How many steps it gives over so many; below 1 where they are too few.
  int steps(int length) const { return length + front + behind - width + 1; }
};

/// A convolution over the steps of the embedding, or the embedding itself, or convolutions one over the
/// other, pooled over all steps.
struct Branch {
  Convolution first{};
  std::vector<Convolution> above{};  ///< each over the one before
  Pooling pooling = Pooling::kMax;   ///< kMax where the last activation is kSigmoid
  float least = 0;                   ///< of kMaskedMean: the sum is divided by at least this
  /// The one that is pooled.
  const Convolution& last() const { return above.empty() ? first : above.back(); }
  /// As said above.
  Convolution& last() { return above.empty() ? first : above.back(); }
  /// How many steps are pooled of a row of `length` tokens.
  int steps(int length) const;
  /// The fewest tokens of which every convolution gives a step.
  int shortest() const;
};

/// A net over tokens that the kernels here can run: Embedding → recurrent layers, of which the last gives its
/// last state, or branches side by side → dense layers.
struct Net {
  std::string input{}, output{};     ///< names of the graph's tensors
  DType token_type = DType::kInt32;  ///< INT32 or INT64
  int length = 0;                    ///< tokens a row; 0: any number
  bool mask = false;                 ///< as many steps are read as tokens are above 0; none is below
  int vocabulary = 0;                ///< tokens are 0 … vocabulary - 1
  int rows = 0, embedding = 0;
  std::vector<float> table{};  ///< [rows, embedding]
  std::vector<std::int32_t>
      row_of{};  ///< [vocabulary] the table's row of each token; empty: the token itself
  std::vector<RecurrentLayer> layers{};
  std::vector<Branch> branches{};  ///< where there are no layers
  std::vector<DenseLayer> head{};
  bool flat = false;  ///< its one score a row has no axis of its own: [N], not [N,1]
};

}  // namespace amas::engines::sequence
