#include "features/padding.h"

#include <algorithm>

namespace amas::features {

void pad_sequence(std::span<const std::int32_t> sequence, std::span<std::int32_t> row, Side padding,
                  Side truncating) {
  const std::size_t kept = std::min(sequence.size(), row.size());
  const auto part = truncating == Side::kPre ? sequence.last(kept) : sequence.first(kept);
  std::ranges::copy(part, padding == Side::kPre ? row.last(kept).begin() : row.begin());
}

}  // namespace amas::features
