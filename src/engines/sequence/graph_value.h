#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engines/sequence/computed.h"
#include "engines/sequence/net.h"

namespace amas::engines::sequence {

/// What a value of a graph is, in a text net.
enum class Kind {
  kTokens,     ///< the input
  kSigned,     ///< the same, as floats
  kBelow,      ///< true where a token is below 0
  kNotBelow,   ///< true where it is not
  kShifted,    ///< tokens and `shift`
  kKept,       ///< tokens that are not below 0, and 0 for the others
  kMoved,      ///< the others and `shift`, and 0 for those
  kRows,       ///< each token's row of the table
  kPresent,    ///< 1 where a token is above 0
  kAbsent,     ///< true where it is 0
  kLengths,    ///< how many are, a row
  kEmbedded,   ///< rows of the table
  kMasked,     ///< those of tokens above 0, zeros for the others
  kMaskedSum,  ///< their sum over all steps
  kStates,     ///< a recurrent layer's states
  kConvolved,  ///< what a convolution gives at each step
  kPooled,     ///< the largest or the mean over all steps of that, or of the rows of the table
  kLast,       ///< last states of some directions of some layers
  kVector,     ///< what a dense layer gives
};

/// One direction of a layer, whose states stand in a value.
struct StatePart {
  std::size_t layer = 0;
  bool reverse = false;
  bool one_step = false;  ///< of kLast: the state after its first step, which is where the row ends
  bool operator==(const StatePart&) const = default;
};

/// What stands in a value of kConvolved or kPooled.
struct BranchPart {
  int convolution = -1;  ///< its number; -1: the embedding itself
  Activation activation = Activation::kNone;
  Pooling pooling = Pooling::kMax;
  float least = 0;  ///< of kMaskedMean: see Branch
};

/// A value: what it is, and its axes by letter: N rows, T steps, D parts, C the values of each, 1 a single
/// one.
struct Value {
  Kind kind = Kind::kTokens;
  std::string axes{};
  std::vector<StatePart> parts{};      ///< of kStates and kLast, in the order of D (or inside C)
  std::vector<BranchPart> branches{};  ///< of kConvolved and kPooled, in the order of C
  std::size_t stage = 0;               ///< of kVector: how many operators of the head lie behind it
  int width = 0;                       ///< the size of C
  std::int64_t shift = 0;  ///< of kTokens: what was added to those below 0; the table must have as many rows
  float least = 0;         ///< of kLengths: what stands in place of lower numbers
  bool open = false;       ///< T is what `length` says more than the tokens of a row, which may be any number
  int length = 0;          ///< the size of T
};

/// The parts that a layer gives, in order.
std::vector<StatePart> parts_of(const RecurrentLayer& layer, std::size_t number);

/// The letter of an axis, which counts from the end when negative; '?' outside.
char axis_at(std::string_view axes, std::int64_t axis);

/// The size of an axis with this letter; a count of -1 where a convolution has made it another than that of
/// the tokens of a row, whose number is open.
Size size_of(char letter, const Value& value);

/// Axes after Transpose; nothing when `order` is no permutation of them.
std::optional<std::string> transposed(std::string_view axes, std::span<const std::int64_t> order);

/// Axes after Squeeze; nothing when one of `which` is not of size 1.
std::optional<std::string> squeezed(const Value& value, std::span<const std::int64_t> which);

/// Axes after Unsqueeze with one axis; nothing otherwise.
std::optional<std::string> unsqueezed(std::string_view axes, std::span<const std::int64_t> which);

/// The value after Reshape, where it leaves the axes as they are, takes single ones away, or puts D and C,
/// which stand last, together into C; nothing otherwise. `copies`: a 0 in `shape` keeps the size that was
/// there.
std::optional<Value> reshaped(const Value& value, std::span<const Size> shape, bool copies);

}  // namespace amas::engines::sequence
