#pragma once

#include <span>
#include <vector>

#include "engines/forest/layout.h"

namespace amas::engines::forest {

/// Rows turned into columns, a block of kBlockRows at a time, with missing values rewritten as each column
/// reads them. Rows that a last block lacks are zeros.
class ColumnBlocks {
 public:
  /// More columns would not stay in the first cache.
  static constexpr std::size_t kColumnsMax = 128;  // 32 KiB a block

  /// Turns rows [begin, begin + count).
  void fill(std::span<const Column> columns, const Rows<float>& rows, std::size_t begin, std::size_t count);
  /// The block that row `first`, a multiple of kBlockRows, begins.
  const float* at(std::size_t first) const { return lines_[first / kBlockRows * block_lines_].of; }

 private:
  struct alignas(64) Line {
    float of[16];
  };
  std::size_t block_lines_ = 0;
  std::vector<Line> lines_;
};

}  // namespace amas::engines::forest
