#include "engines/forest/link.h"

#include <algorithm>
#include <cmath>

namespace amas::engines::forest {
namespace {

/// The share that e to the power of each margin has in their sum.
void softmax(std::span<const double> margins, double divisor, std::span<double> shares) {
  const double largest = *std::ranges::max_element(margins);
  double sum = 0;
  for (std::size_t i = 0; i < margins.size(); ++i) {
    shares[i] = std::exp(margins[i] / divisor - largest / divisor);
    sum += shares[i];
  }
  for (double& share : shares) share /= sum;
}

/// A link that takes each margin for itself.
double one(const Forest& forest, double sum) {
  const double margin = sum / forest.link_divisor;
  switch (forest.link) {
    case Link::kLogistic:
      return 1 / (1 + std::exp(-forest.link_scale * margin));
    case Link::kExp:
      return std::exp(margin);
    case Link::kSign:
      return margin > 0 ? 1 : 0;
    case Link::kSignedSquare:
      return margin * std::abs(margin);
    case Link::kLogOnePlusExp:
      return std::log1p(std::exp(margin));
    default:
      return margin;
  }
}

}  // namespace

std::size_t prediction_count(const Forest& forest) {
  return forest.link == Link::kArgmax ? 1 : static_cast<std::size_t>(forest.targets);
}

void predict(const Forest& forest, std::span<const double> margins, std::span<double> predictions) {
  switch (forest.link) {
    case Link::kSoftmax:
      softmax(margins, forest.link_divisor, predictions);
      break;
    case Link::kArgmax:
      predictions[0] = static_cast<double>(std::ranges::max_element(margins) - margins.begin());
      break;
    default:
      for (std::size_t i = 0; i < margins.size(); ++i) predictions[i] = one(forest, margins[i]);
  }
}

}  // namespace amas::engines::forest
