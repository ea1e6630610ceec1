#include "features/ngrams.h"

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

}  // namespace amas::features
