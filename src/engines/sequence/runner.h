#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engines/sequence/packed_layer.h"

namespace amas::engines::sequence {

/// A packed net, without its head.
struct PackedNet {
  const Kernels* kernels = nullptr;
  Precision precision = Precision::kFloat32;
  int length = 0;
  bool mask = false;
  std::vector<std::vector<PackedDirection>> layers{};
  std::vector<int> units{};  ///< of each layer, before padding
};

/// The states after 0, 1, … length steps over token 0, for nets that only read forward: rows padded in front
/// begin there. They come from the same kernels, so that not a bit changes.
class PadStates {
 public:
  /// Tabulates them; nothing where the net does not allow it.
  explicit PadStates(const PackedNet& net);
  /// How many leading zeros of a row are skipped: `zeros`, or 0 where nothing was tabulated.
  int skipped(int zeros) const { return layers_.empty() ? 0 : zeros; }
  /// Puts a lane of this layer where it stands after `steps` steps over token 0.
  void start(const PackedNet& net, std::size_t layer, int steps, Lane& lane) const;
  /// The memory they take.
  std::size_t bytes() const;

 private:
  struct Layer {
    AlignedBytes state, memory, last;
  };
  std::vector<Layer> layers_;
};

/// Runs the recurrent layers over rows of tokens.
///
/// `tokens`: [rows, net.length], each in [0, vocabulary). Writes each row's last state, [rows, width], width
/// = sum over the last layer's directions of their units. Threads: safe to call from several at once.
void run_layers(const PackedNet& net, const PadStates& pads, std::span<const std::int32_t> tokens,
                std::size_t rows, float* last);

}  // namespace amas::engines::sequence
