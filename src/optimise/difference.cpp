#include "optimise/difference.h"

#include <algorithm>
#include <cmath>

namespace amas::optimise {

void note_difference(std::span<const float> scores, std::span<const float> reference, Json& details) {
  double largest = 0, mean = 0;
  for (std::size_t i = 0; i < std::min(scores.size(), reference.size()); ++i) {
    const double one = std::abs(static_cast<double>(scores[i]) - static_cast<double>(reference[i]));
    largest = std::max(largest, one);
    mean += one / static_cast<double>(scores.size());
  }
  details["largest_difference"] = largest;
  details["mean_difference"] = mean;
}

}  // namespace amas::optimise
