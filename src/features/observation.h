#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>

#include "features/pipeline.h"

namespace amas::features {

/// The bucket of words that are not in the vocabulary.
inline constexpr std::uint8_t kUnknownBucket = 0;
/// How many of the most frequent words have a bucket of their own, from bucket 1 on.
inline constexpr std::size_t kFrequentBuckets = 47;

/// The bucket of a known word that is not among the most frequent: the last 16, by 32-bit FNV-1a of its
/// UTF-8. Profiles are stored with it, so it never changes.
std::uint8_t rare_bucket(std::string_view word);

/// Counts a word that stands `times` times into its bucket.
inline void count_word(TextObservation& observation, std::uint8_t bucket, std::uint32_t times = 1) {
  if (bucket == kUnknownBucket) observation.unknown += times;
  auto& count = observation.buckets[bucket];
  const std::uint32_t room = std::numeric_limits<std::uint16_t>::max() - std::uint32_t{count};
  count = static_cast<std::uint16_t>(count + std::min(room, times));
}

}  // namespace amas::features
