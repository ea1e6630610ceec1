#include "features/observation.h"

namespace amas::features {

std::uint8_t rare_bucket(std::string_view word) {
  std::uint32_t hash = 2'166'136'261;
  for (const char c : word) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619;
  constexpr std::size_t kFirst = 1 + kFrequentBuckets;
  return static_cast<std::uint8_t>(kFirst + hash % (kTokenBuckets - kFirst));
}

}  // namespace amas::features
