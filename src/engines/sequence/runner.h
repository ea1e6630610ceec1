#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "engines/sequence/packed_layer.h"

namespace amas::engines::sequence {

/// A packed net, without its head.
struct PackedNet {
  const Kernels* kernels = nullptr;
  Precision precision = Precision::kFloat32;
  int length = 0;  ///< tokens a row; 0: any number
  bool mask = false;
  std::vector<std::vector<PackedDirection>> layers{};
  std::vector<int> units{};  ///< of each layer, before padding
};

/// The states after 0, 1, … steps over token 0, up to a bound, for nets that only read forward: rows padded
/// in front begin there. They come from the same kernels, so that not a bit changes.
class PadStates {
 public:
  /// Tabulates them; nothing where the net does not allow it.
  explicit PadStates(const PackedNet& net);
  /// How many leading zeros of a row are skipped: `zeros`, or as many as were tabulated.
  int skipped(int zeros) const { return std::min(zeros, steps_); }
  /// Puts a lane of this layer where it stands after `steps` steps over token 0.
  void start(const PackedNet& net, std::size_t layer, int steps, Lane& lane) const;
  /// The memory they take.
  std::size_t bytes() const;

 private:
  struct Layer {
    AlignedBytes state, memory, last;
  };
  std::vector<Layer> layers_;
  int steps_ = 0;  ///< that were tabulated
};

/// Runs the recurrent layers over rows of tokens.
///
/// `tokens`: [rows, length], rows and length at least 1 and length net.length where that is fixed, each in
/// [0, vocabulary). Writes each row's last state, [rows, width], width = sum over the last layer's directions
/// of their units. Threads: safe to call from several at once.
void run_layers(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> tokens,
                std::size_t rows, float* last);

}  // namespace amas::engines::sequence
