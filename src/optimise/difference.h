#pragma once

#include <span>

#include "base/json.h"

namespace amas::optimise {

/// Writes the largest and the mean difference of scores from those of the reference engine into a variant's
/// details: "largest_difference", "mean_difference".
void note_difference(std::span<const float> scores, std::span<const float> reference, Json& details);

}  // namespace amas::optimise
