#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engines/sequence/kernels.h"
#include "engines/sequence/net.h"

namespace amas::engines::sequence {

/// Bytes at an address divisible by 64, zero at first.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBytes(std::size_t size);
  /// Where they begin.
  char* data() const { return bytes_.get(); }
  /// How many were asked for.
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(char* bytes) const;
  };
  std::unique_ptr<char, Free> bytes_;
  std::size_t size_ = 0;
};

/// How wide `units` are as the kernels see them: whole blocks.
constexpr int padded_units(int units) { return (units + kBlock - 1) / kBlock * kBlock; }

/// Where the weights of a product stand (PackedCell::weights).
struct WeightsLayout {
  int gates = 0, blocks = 0;
  int groups = 0;  ///< of the vector that is multiplied
  /// The place of a unit's gate for a group of that vector, in groups.
  std::size_t at(int gate, int unit, int group) const;
  /// The same of a column of a product, in the order in which the fold writes a row: gate after gate of each
  /// block.
  std::size_t at_column(int column, int group) const;
};

/// Bytes of one value of state.
constexpr int state_bytes(Precision precision) {
  return precision == Precision::kFloat32 ? 4 : precision == Precision::kInt16 ? 2 : 1;
}

/// Weights a unit of the integer sum over a column of them: the most that neither leaves the weight's type
/// nor lets the sum over states overflow; 1 for kFloat32.
double weights_a_unit(std::span<const double> column, Precision precision);

/// Writes values in [-1, 1] as state.
void write_state(std::span<const float> values, Precision precision, char* to);

/// One direction of a recurrent layer, ready for the kernels; `cell` points into the rest.
struct PackedDirection {
  PackedCell cell;
  bool reverse = false;
  bool one_step = false;
  AlignedBytes weights, scales, state_bias, base, input;
};

/// What a layer's steps read besides the state.
struct LayerInput {
  std::span<const float>
      rows{};                ///< the embedding [count, layer.input]; empty for the states of the layer below
  std::vector<int> parts{};  ///< units of each direction of the layer below, each padded to whole blocks
  bool fold = false;         ///< multiply the rows with the kernel now, once for all
};

/// Packs one direction. Folding takes about 2 ms for each million of rows · gates · units · input / 80.
PackedDirection pack_direction(const RecurrentLayer& layer, const Direction& direction,
                               const LayerInput& input, Precision precision, const Kernels& kernels);

}  // namespace amas::engines::sequence
