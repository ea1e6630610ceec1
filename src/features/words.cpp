#include "features/words.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace amas::features {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kSmallSigma = 0x3C3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kCapitalDottedI = 0x130;
constexpr char32_t kCombiningDotAbove = 0x307;

// What a separating byte becomes: no ASCII byte, so that NUL stays a character like any other.
constexpr char kSeparator = '\xFF';

// The most bytes that one byte of a text can become: an ill-formed byte becomes U+FFFD.
constexpr std::size_t kGrowthMax = 3;

// ICU's macros narrow integers silently.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

// Reads the code point at `at`, which moves behind it.
char32_t next_character(std::string_view text, std::int32_t& at) {
  UChar32 character = 0;
  U8_NEXT(text.data(), at, static_cast<std::int32_t>(text.size()), character);
  return character < 0 ? kReplacement : static_cast<char32_t>(character);
}

// Reads the code point before `at`, which moves in front of it.
char32_t previous_character(std::string_view text, std::int32_t& at) {
  UChar32 character = 0;
  U8_PREV(text.data(), 0, at, character);
  return character < 0 ? kReplacement : static_cast<char32_t>(character);
}

#pragma GCC diagnostic pop

bool has(char32_t character, UProperty property) {
  return u_hasBinaryProperty(static_cast<UChar32>(character), property);
}

// Unicode's Final_Sigma: a cased letter before it and none behind it, looking past what case ignores (marks,
// apostrophes …).
bool is_final_sigma(std::string_view text, std::int32_t begin, std::int32_t end) {
  char32_t before = kReplacement;
  do {
    if (begin == 0) return false;
    before = previous_character(text, begin);
  } while (has(before, UCHAR_CASE_IGNORABLE));
  if (!has(before, UCHAR_CASED)) return false;
  while (end < static_cast<std::int32_t>(text.size())) {
    const char32_t after = next_character(text, end);
    if (!has(after, UCHAR_CASE_IGNORABLE)) return !has(after, UCHAR_CASED);
  }
  return true;
}

// Python's \w: letters, anything with a numeric value, and the underscore; marks are none of these.
bool is_word_character(char32_t character) {
  const auto point = static_cast<UChar32>(character);
  return u_isalpha(point) || character == '_' ||
         u_getIntPropertyValue(point, UCHAR_NUMERIC_TYPE) != U_NT_NONE;
}

// Python's str.isspace, by which str.split cuts: Unicode's white space and four control characters.
bool is_space(char32_t character) {
  return u_isUWhiteSpace(static_cast<UChar32>(character)) || (character >= 0x1C && character <= 0x1F);
}

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::size_t encoded_size(char first) {
  const auto byte = static_cast<std::uint8_t>(first);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

}  // namespace

// Writes words behind each other with one space between, and notes where each begins and ends.
class WordSplitter::Writer {
 public:
  Writer(WordRule rule, Words& words, std::size_t text_size) : rule_(rule), words_(words) {
    words_.spans_.clear();
    if (words_.text_.size() < text_size * kGrowthMax + 2) words_.text_.resize(text_size * kGrowthMax + 2);
    word_ = at_ = start_ = words_.text_.data();
    if (rule_ == WordRule::kSpaced) {
      // Every word has a space in front; the others share it with the word before.
      *at_++ = ' ';
      word_ = at_;
    }
  }

  void add(char c) {
    *at_++ = c;
    if (rule_ == WordRule::kCharacters) close();
  }

  void add(char32_t character) {
    std::uint32_t size = 0;
    U8_APPEND_UNSAFE(at_, size, character);
    at_ += size;
    if (rule_ == WordRule::kCharacters) close();
  }

  void close() {
    if (at_ == word_) return;
    const bool single = static_cast<std::size_t>(at_ - word_) == encoded_size(*word_);
    if (rule_ == WordRule::kPattern && single) {
      at_ = word_;
      return;
    }
    words_.spans_.push_back(
        {static_cast<std::uint32_t>(word_ - start_), static_cast<std::uint32_t>(at_ - start_)});
    if (rule_ != WordRule::kCharacters) *at_++ = ' ';
    word_ = at_;
  }

 private:
  WordRule rule_;
  Words& words_;
  char* start_;
  char* word_;  ///< where the open word begins
  char* at_;    ///< where the next byte goes
};

WordSplitter::WordSplitter(WordRule rule, bool lower, std::string_view filters) : rule_(rule), lower_(lower) {
  std::array<bool, 128> filtered{};
  if (rule == WordRule::kFiltered) {
    filtered[' '] = true;
    for (std::int32_t at = 0; at < static_cast<std::int32_t>(filters.size());) {
      const char32_t character = next_character(filters, at);
      if (character < 128) filtered[character] = true;
      else filters_.push_back(character);
    }
    std::sort(filters_.begin(), filters_.end());
  }
  for (std::size_t byte = 0; byte < 128; ++byte) {
    const char c = lower ? lower_ascii(static_cast<char>(byte)) : static_cast<char>(byte);
    const bool separates = filtered[static_cast<std::size_t>(c)] || is_separator(static_cast<char32_t>(c));
    ascii_[byte] = separates ? kSeparator : c;
  }
}

bool WordSplitter::is_separator(char32_t character) const {
  if (rule_ == WordRule::kPattern) return !is_word_character(character);
  if (rule_ == WordRule::kSpaced) return is_space(character);
  return std::binary_search(filters_.begin(), filters_.end(), character);
}

void WordSplitter::split(std::string_view text, Words& words) const {
  Writer writer(rule_, words, text.size());
  const auto add = [&](char32_t character) {
    if (character < 128) {
      if (const char c = ascii_[character]; c != kSeparator) writer.add(c);
      else writer.close();
    } else if (is_separator(character)) {
      writer.close();
    } else {
      writer.add(character);
    }
  };
  const auto size = static_cast<std::int32_t>(text.size());
  for (std::int32_t at = 0; at < size;) {
    if (const auto byte = static_cast<std::uint8_t>(text[static_cast<std::size_t>(at)]); byte < 0x80) {
      add(byte);
      ++at;
      continue;
    }
    const std::int32_t begin = at;
    const char32_t character = next_character(text, at);
    if (!lower_) {
      add(character);
    } else if (character == kCapitalSigma) {
      add(is_final_sigma(text, begin, at) ? kFinalSigma : kSmallSigma);
    } else if (character == kCapitalDottedI) {
      // The only letter whose lower case is two code points.
      add('i');
      add(kCombiningDotAbove);
    } else {
      add(static_cast<char32_t>(u_tolower(static_cast<UChar32>(character))));
    }
  }
  writer.close();
}

std::uint32_t count_characters(std::string_view text) {
  return static_cast<std::uint32_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<std::uint8_t>(c) & 0xC0) != 0x80; }));
}

}  // namespace amas::features
