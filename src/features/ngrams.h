#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "features/text_settings.h"
#include "features/words.h"

namespace amas::features {

/// What counts as a word when n-grams are made of it.
inline WordRule word_rule(Analyzer analyzer) {
  return analyzer == Analyzer::kWord ? WordRule::kPattern : WordRule::kSpaced;
}

/// Calls use(ngram) for every n-gram of words, the shortest first; the words are joined by one space.
template <class Use>
void for_each_word_ngram(const Words& words, NgramRange range, Use&& use) {
  const auto n_max = std::min(static_cast<std::size_t>(range.high), words.size());
  for (auto n = static_cast<std::size_t>(range.low); n <= n_max; ++n)
    for (std::size_t first = 0; first + n <= words.size(); ++first) use(words.joined(first, first + n - 1));
}

/// Calls use(ngram) for every n-gram of the code points of `word` (UTF-8, not empty), the shortest first. A
/// word that is no longer than n stands once for that n and all larger ones, as in scikit-learn.
template <class Use>
void for_each_character_ngram(std::string_view word, NgramRange range, Use&& use) {
  const char* const end = word.data() + word.size();
  const auto behind = [end](const char* at) {
    do ++at;
    while (at != end && (static_cast<std::uint8_t>(*at) & 0xC0) == 0x80);
    return at;
  };
  const char* first_end = word.data();
  for (std::int64_t n = 1; n <= range.high; ++n) {
    first_end = behind(first_end);
    if (n >= range.low || first_end == end)
      for (const char *left = word.data(), *right = first_end;; left = behind(left), right = behind(right)) {
        use(std::string_view(left, static_cast<std::size_t>(right - left)));
        if (right == end) break;
      }
    if (first_end == end) return;
  }
}

/// Calls use(ngram) for every n-gram of a text that was cut by word_rule; the views are borrowed from
/// `words`.
template <class Use>
void for_each_ngram(const Words& words, const TfidfSettings& settings, Use&& use) {
  if (settings.analyzer == Analyzer::kWord) return for_each_word_ngram(words, settings.ngrams, use);
  for (std::size_t i = 0; i < words.size(); ++i)
    for_each_character_ngram(words.padded(i), settings.ngrams, use);
}

/// How many of a text's n-grams count as tokens when it is observed: all n-grams of characters, but of those
/// of words only the shortest, so that no word counts twice.
std::size_t count_tokens(std::size_t words, std::size_t ngrams, const TfidfSettings& settings);

/// Whether this n-gram is one of those tokens.
bool is_token(std::string_view ngram, const TfidfSettings& settings);

}  // namespace amas::features
