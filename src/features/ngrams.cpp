#include "features/ngrams.h"

#include <array>
#include <numeric>

namespace amas::features {

std::size_t count_tokens(std::size_t words, std::size_t ngrams, const TfidfSettings& settings) {
  if (settings.analyzer == Analyzer::kCharWb) return ngrams;
  const auto low = static_cast<std::size_t>(settings.ngrams.low);
  return words < low ? 0 : words - low + 1;
}

bool is_token(std::string_view ngram, const TfidfSettings& settings) {
  return settings.analyzer == Analyzer::kCharWb ||
         std::count(ngram.begin(), ngram.end(), ' ') + 1 == settings.ngrams.low;
}

void sort_terms(std::vector<std::uint32_t>& terms, std::vector<std::uint32_t>& spare, std::uint32_t end) {
  // A mail has thousands of n-grams of characters: sorting them by comparing took longer than finding them.
  constexpr std::size_t kFewTerms = 256;
  if (terms.size() < kFewTerms) return std::sort(terms.begin(), terms.end());
  spare.resize(terms.size());
  for (int shift = 0; shift < 32 && end >> shift > 0; shift += 8) {
    std::array<std::uint32_t, 256> places{};
    for (const std::uint32_t term : terms) ++places[(term >> shift) & 0xFF];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), 0u);
    for (const std::uint32_t term : terms) spare[places[(term >> shift) & 0xFF]++] = term;
    terms.swap(spare);
  }
}

}  // namespace amas::features
