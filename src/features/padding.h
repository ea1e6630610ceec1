#pragma once

#include <cstdint>
#include <span>

#include "features/text_settings.h"

namespace amas::features {

/// Puts a sequence into a row of zeros as Keras's pad_sequences does: what is too long loses its beginning
/// (kPre) or its end (kPost); what is too short gets its zeros in front (kPre) or behind (kPost).
void pad_sequence(std::span<const std::int32_t> sequence, std::span<std::int32_t> row, Side padding,
                  Side truncating);

}  // namespace amas::features
