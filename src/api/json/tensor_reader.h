#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/json/document.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::json {

/// Builds one tensor out of JSON values: nested lists of numbers, of true and false, or of strings. Bytes may
/// be written as {"b64": "…"}. NaN, Infinity and -Infinity may stand bare among floats. Numbers beyond the
/// range of the dtype, fractions for a whole number, and lists of unequal length are refused, never bent.
/// Threads: one.
class TensorReader {
 public:
  /// For elements of this dtype. `rank`: how deep they must be nested, the rows counted; none: as deep as
  /// they are. With it a value of the wrong depth is refused before the elements behind it take memory.
  explicit TensorReader(DType dtype, std::optional<std::size_t> rank = std::nullopt);

  /// Reads a value that stands for the whole tensor, its outermost list being the rows.
  ///
  /// Errors: kInvalidArgument naming the place; kUnimplemented for float16, which JSON cannot carry exactly.
  /// After an
  ///         error the reader is of no more use.
  Status read_whole(Value value, const Place& place) { return read(value, 0, place); }
  /// Reads a value that stands for the next row. Errors: as above.
  Status read_row(Value value, const Place& place);
  /// Reads a value in row-major order whatever its nesting, as the Open Inference Protocol has it; for a
  /// tensor whose shape is told beside it, and which has at most `count_max` elements. Errors: as above.
  Status read_flat(Value value, std::size_t count_max, const Place& place);

  /// Rows read by read_row().
  std::size_t rows() const { return rows_; }
  /// Elements read.
  std::size_t size() const;
  /// The tensor, in the shape that it was written in.
  Tensor finish() &&;
  /// The tensor, in this shape, which has size() elements.
  Tensor finish(Shape shape) &&;

 private:
  // Bools are kept as bytes: std::vector<bool> has no array to copy from.
  using Elements =
      std::variant<std::vector<std::uint8_t>, std::vector<std::int8_t>, std::vector<std::uint16_t>,
                   std::vector<std::int16_t>, std::vector<std::uint32_t>, std::vector<std::int32_t>,
                   std::vector<std::uint64_t>, std::vector<std::int64_t>, std::vector<float>,
                   std::vector<double>, std::vector<std::string>>;

  Status read(Value value, std::size_t level, const Place& place);
  template <class T>
  Status read_as(Value value, std::size_t level, const Place& place);
  template <class T>
  Status read_list(Value value, std::size_t level, const Place& place);
  Status close_list(std::size_t level, std::size_t count, const Place& place);
  Error wrong_depth(const Place& place, std::string_view how) const;

  DType dtype_;
  std::optional<std::size_t> flat_count_max_;  // set while reading in row-major order
  std::size_t rows_ = 0;
  // Sizes of the dimensions, -1 while not known. From the first scalar on the rank is known, and all others
  // stand as deep as it.
  Shape shape_;
  const bool rank_is_given_;
  bool rank_is_known_;
  Elements elements_;
};

}  // namespace amas::json
