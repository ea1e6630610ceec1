#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engines/forest/forest.h"

namespace amas::engines::forest {

/// Rows of features, borrowed for a call. Feature c of row r is data[r * row_stride + c * column_stride], so
/// that row-major, column-major and parts of wider tables are all read where they lie.
template <class T>
struct Rows {
  const T* data = nullptr;
  std::size_t count = 0;
  std::ptrdiff_t row_stride = 0;     ///< in elements
  std::ptrdiff_t column_stride = 1;  ///< in elements
};

/// Which instructions a compiled forest may use.
enum class Paths : std::uint8_t { kQuickest, kPortable };

/// A forest laid out for walking. Immutable; answers do not depend on how many rows a call has, nor on which
/// path the processor takes.
///
/// T: float or double, what rows are made of. Where that is not the forest's number type, thresholds are
/// moved so that every row takes the way it would take after a cast to that type.
template <class T>
class Compiled {
 public:
  virtual ~Compiled() = default;

  /// Sums the votes of every row: one tree after the other in the forest's number type, which gives the bits
  /// of the library's own margins.
  ///
  /// `rows`: forest.features columns. `margins`: [rows.count, targets], row-major, written; exact in the
  /// forest's number type. `voted`: of the same size, or empty: 1 where a leaf voted for that target, else 0.
  /// Threads: safe to call from several at once. Allocates nothing for one row of up to 64 targets without
  /// missing values.
  virtual void margins(const Rows<T>& rows, std::span<double> margins,
                       std::span<std::uint8_t> voted) const = 0;

  /// Bytes of the layout.
  virtual std::size_t memory_bytes() const = 0;
};

/// Lays out a forest: trees of a few levels as complete trees that are walked several at a time, deeper ones,
/// and those with categories, as nodes.
///
/// Errors: kInvalidArgument when validate() refuses it.
/// `paths`: kPortable leaves the instructions aside that only some processors have; the answers are the same.
template <class T>
Result<std::unique_ptr<Compiled<T>>> compile(const Forest& forest, Paths paths = Paths::kQuickest);

}  // namespace amas::engines::forest
