#pragma once

#include <array>
#include <cstdint>

#include "train/prediction_set.h"

namespace amas::train {

/// Ends of a 95 % confidence interval.
struct Bounds {
  double low = 0;
  double high = 0;
};

/// Of a share: Wilson's score interval (Wilson 1927).
Bounds wilson(std::uint64_t hits, std::uint64_t rows);

/// Of the area under a ROC curve: normal, with the variance of DeLong, DeLong and Clarke-Pearson (1988), cut
/// to [0,1]. With fewer than two rows on one side nothing is known: [0,1]; with none: NaN.
Bounds delong(std::span<const PredictionSet::Ranked> ranked);

/// Of every metric: percentiles 2.5 and 97.5 (linear between ranks) over 1,000 resamples of the rows with
/// replacement. Draws come from SplitMix64 with a fixed seed, so that the same predictions give the same
/// bounds everywhere. Resamples in which a metric is undefined are left out; NaN when it always is.
std::array<Bounds, kMetricCount> bootstrap(const PredictionSet& set);

}  // namespace amas::train
