#include "engines/forest/column_blocks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace amas::engines::forest {
namespace {

/// What missing values become, in one column of one block.
void rewrite(const Column& column, float* values, std::size_t count) {
  constexpr auto kZero = static_cast<float>(kZeroThreshold);
  const float becomes =
      column.nan_left ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  const float smallest = column.zero_like_nan ? kZero : -1.0F;
  for (std::size_t row = 0; row < count; ++row)
    values[row] = std::abs(values[row]) > smallest ? values[row] : becomes;
}

}  // namespace

void ColumnBlocks::fill(std::span<const Column> columns, const Rows<float>& rows, std::size_t begin,
                        std::size_t count) {
  constexpr std::size_t kLineFloats = sizeof(Line) / sizeof(float);
  block_lines_ = columns.size() * (kBlockRows / kLineFloats);
  lines_.resize((count + kBlockRows - 1) / kBlockRows * block_lines_);
  for (std::size_t first = 0; first < count; first += kBlockRows) {
    const std::size_t together = std::min<std::size_t>(kBlockRows, count - first);
    float* out = lines_[first / kBlockRows * block_lines_].of;
    for (const Column& column : columns) {
      const float* in = rows.data + static_cast<std::ptrdiff_t>(begin + first) * rows.row_stride +
                        static_cast<std::ptrdiff_t>(column.feature) * rows.column_stride;
      for (std::size_t row = 0; row < together; ++row)
        out[row] = in[static_cast<std::ptrdiff_t>(row) * rows.row_stride];
      if (column.nan_left || column.zero_like_nan) rewrite(column, out, together);
      out += kBlockRows;
    }
  }
}

}  // namespace amas::engines::forest
