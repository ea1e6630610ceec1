#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/json.h"
#include "base/result.h"

namespace amas::features {

/// The characters that Keras's Tokenizer turns into spaces when it is told nothing else.
inline constexpr std::string_view kDefaultFilters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n";

/// The longest row of tokens that a pipeline may be asked for.
inline constexpr std::int64_t kLengthMax = 65'536;

/// At which end of a row something is done.
enum class Side : std::uint8_t { kPre, kPost };

/// Settings of a step that gives each row a fixed number of tokens (Keras's Tokenizer and pad_sequences).
struct TokenSettings {
  std::optional<std::int64_t>
      vocabulary;                  ///< indices below it are kept, counting 0 (padding) and OOV; nothing: all
  std::optional<std::string> oov;  ///< what stands for unknown words, at index 1; nothing: they are dropped
  bool lower = true;
  std::string filters{kDefaultFilters};
  bool characters = false;             ///< tokens are code points instead of words
  std::optional<std::int64_t> length;  ///< tokens in a row; nothing: as the longest text in training
  Side padding = Side::kPre;
  Side truncating = Side::kPre;
};

/// What n-grams are made of.
enum class Analyzer : std::uint8_t {
  kWord,    ///< words (scikit-learn's "word")
  kCharWb,  ///< characters of one word with a space on either side (scikit-learn's "char_wb")
};

/// The lengths of n-grams, both included: 1 <= low <= high <= kNgramsMax.
struct NgramRange {
  std::int64_t low = 1;   ///< of the shortest
  std::int64_t high = 1;  ///< of the longest
};

/// The longest n-gram that a pipeline may be asked for.
inline constexpr std::int64_t kNgramsMax = 8;

/// Settings of a step that gives each row weighted n-grams (scikit-learn's TfidfVectorizer).
struct TfidfSettings {
  Analyzer analyzer = Analyzer::kWord;
  /// A whole number n in JSON is {1, n} for words and {n, n} for characters.
  NgramRange ngrams;
  bool lower = true;
  bool sublinear = false;  ///< 1 + ln(count) instead of count
  /// Features in fewer training texts are dropped; below 1 (a fraction) of all training texts.
  std::variant<std::int64_t, double> min_df = std::int64_t{1};
  std::optional<std::int64_t> features_max;  ///< only the most frequent are kept; nothing: all
};

/// Settings of either kind.
using TextSettings = std::variant<TokenSettings, TfidfSettings>;

/// Reads {"type":"tokens",…} or {"type":"tfidf",…}; what is missing or null gets its default.
///
/// Errors: kInvalidArgument for an unknown key or value (names the nearest), a wrong type, a number out of
/// range.
Result<TextSettings> text_settings_from_json(const Json& step);

/// The settings with all defaults filled in, as text_settings_from_json reads them.
Json to_json(const TextSettings& settings);

}  // namespace amas::features
