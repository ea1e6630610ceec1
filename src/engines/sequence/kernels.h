#pragma once

#include <cstddef>
#include <cstdint>

// The boundary between ordinary code and the files that are compiled for one kind of processor. Only plain
// types cross it: a function template or inline function of the library used there could be the one that the
// linker keeps for everybody.

namespace amas::engines::sequence {

/// How the recurrent product is computed.
enum class Precision { kFloat32, kInt16, kInt8 };

/// A recurrent cell. GRU: the reset gate is applied after the product (Keras's `reset_after`, torch).
enum class Cell { kLstm, kGru };

/// Units are worked on in blocks of this many.
inline constexpr int kBlock = 16;
/// The largest number of rows that step together.
inline constexpr int kLanesMax = 4;
/// In 16-bit state h stands as h · kInt16State; in 8-bit state as h · kInt8State + kInt8Offset.
inline constexpr float kInt16State = 8191.0F;
inline constexpr float kInt8State = 127.0F;
inline constexpr int kInt8Offset = 128;

/// Gates with weights of their own: i, f, o, g of an LSTM; z, r, n of a GRU.
constexpr int gates_of(Cell cell) { return cell == Cell::kLstm ? 4 : 3; }
/// Sums kept apart: a GRU's n has one over the input and one over the state.
inline constexpr int kSums = 4;

/// One direction of one recurrent layer, packed. A group is the 4 bytes of state that one instruction takes:
/// 1 float, 2 int16 or 4 uint8; a group of zeros pads the last.
///
/// Every pre-activation is scaled so that 2^x is what the gate needs: by -log2(e), and by -2·log2(e) where a
/// tanh follows.
struct PackedCell {
  Cell cell = Cell::kLstm;
  Precision precision = Precision::kFloat32;
  int blocks = 0;        ///< of units
  int input_groups = 0;  ///< of the input that is no folded table; 0 for a folded layer
  int state_groups = 0;
  /// [pairs of blocks][input_groups + state_groups][2][gates][kBlock] groups; a last block without partner
  /// has no [2].
  const void* weights = nullptr;
  const float* scales =
      nullptr;  ///< [blocks][gates][kBlock]: from integer sums to pre-activations; unused for float
  const float* state_bias = nullptr;  ///< [blocks][kBlock]: a GRU's bias inside the reset gate
  const void* base = nullptr;    ///< rows [blocks][gates][kBlock] of float, or half where integers are summed
  std::size_t base_stride = 0;   ///< bytes between rows; 0 where all steps share one (the bias)
  const void* input = nullptr;   ///< rows of input_groups groups
  std::size_t input_stride = 0;  ///< bytes between them
};

/// One row under way.
struct Lane {
  const std::int32_t* index = nullptr;  ///< row of `base` and `input` at the next step
  int direction = 1;                    ///< what `index` moves by: 1 or -1
  const void* input = nullptr;          ///< in place of PackedCell::input where each lane has its own
  void* state = nullptr;                ///< h as groups, [state_groups · 4 bytes]
  void* spare = nullptr;                ///< as large; the two change places at every step
  float* memory = nullptr;              ///< an LSTM's c, a GRU's h: [blocks][kBlock]
  char* sequence = nullptr;             ///< where every h is kept as groups; null: only the last one is
  std::ptrdiff_t sequence_stride = 0;   ///< bytes to the next one
  float* last = nullptr;                ///< h of the last step as floats: [blocks][kBlock]
};

/// What a layer does to its sums. kSoftmax: dense layers only.
enum class Activation { kNone, kRelu, kTanh, kSigmoid, kSoftmax };

/// How a convolution's sums become one value a filter: the largest, or the sum over all steps of what comes
/// of each.
enum class Pool { kMax, kSum, kReluSum, kTanhSum };

/// What a folded row consists of. kInt16: fixed point, in which no sum of a step can overflow; only for kMax.
enum class RowType { kFloat32, kHalf, kInt16 };

/// A convolution over the embedding, folded: each row of the table holds the token's products with every tap.
struct PackedBranch {
  Pool pool = Pool::kMax;
  RowType type = RowType::kFloat32;
  int blocks = 0;                 ///< of filters; of kInt16 an even number
  int width = 0;                  ///< taps
  const void* rows = nullptr;     ///< each [width][blocks][kBlock]
  std::size_t row_stride = 0;     ///< bytes between them
  const float* scales = nullptr;  ///< [blocks][kBlock]: what one of kInt16 is worth
  const float* bias = nullptr;    ///< [blocks][kBlock]
};

/// Rows that must be readable behind those that a convolution reads: they are fetched ahead.
inline constexpr int kRowsAhead = 6;

/// The kernels of one kind of processor. All give the same bits for kFloat32 and kInt16.
struct Kernels {
  const char* name = nullptr;
  bool has_int8 = false;
  /// Moves `lanes` (1, 2 or 4) lanes on by `steps` steps.
  void (*run)(const PackedCell& cell, Lane* lane, int lanes, int steps) = nullptr;
  /// rows [count][gates of `cell`][kBlock …] = bias + input · weights, written as float or half in `base`'s
  /// layout. `cell`: without state groups; kFloat32, or an LSTM's of kInt16.
  void (*fold)(const PackedCell& cell, const float* bias, std::size_t count, bool half, void* rows) = nullptr;
  /// Pools the sums of `steps` steps into result [blocks][kBlock]. Step t is the sum over the taps k of row
  /// index[t + k]'s share of tap k, in this order, and the bias. `index`: steps + width - 1 + kRowsAhead.
  void (*pool)(const PackedBranch& branch, const std::int32_t* index, int steps, float* result) = nullptr;
  /// Puts an activation other than kSoftmax on finite values in their place. Returns the largest magnitude.
  /// `count`: a multiple of kBlock.
  float (*activate)(Activation activation, float* values, std::size_t count) = nullptr;
  /// to = round(values · factor), which must lie in int16. `count`: a multiple of kBlock.
  void (*to_int16)(const float* values, std::size_t count, float factor, std::int16_t* to) = nullptr;
};

/// Plain C++: any processor.
extern const Kernels kPortableKernels;
/// AVX2, FMA and F16C.
extern const Kernels kAvx2Kernels;
/// AVX-512 F, BW, DQ, VL and VNNI.
extern const Kernels kAvx512Kernels;

}  // namespace amas::engines::sequence
