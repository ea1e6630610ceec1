#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amas::features {

/// What counts as one word.
enum class WordRule : std::uint8_t {
  /// Keras's text_to_word_sequence: what stands between spaces after every filter character became a space.
  kFiltered,
  /// Keras's char_level: every code point, spaces too; filters are not used.
  kCharacters,
  /// scikit-learn's default token pattern (?u)\b\w\w+\b: runs of at least two word characters.
  kPattern,
  /// Python's str.split: what stands between white space.
  kSpaced,
};

/// The words of one text. Reused from text to text, so that splitting allocates only when a text is the
/// longest so far.
class Words {
 public:
  /// The memory that it holds.
  std::size_t bytes() const { return text_.capacity() + spans_.capacity() * sizeof(Span); }
  /// How many words there are.
  std::size_t size() const { return spans_.size(); }
  /// Word i, as UTF-8; borrowed until the next split.
  std::string_view operator[](std::size_t i) const { return joined(i, i); }
  /// Words i to j inclusive with one space between each (not for kCharacters); borrowed until the next split.
  std::string_view joined(std::size_t i, std::size_t j) const {
    return {text_.data() + spans_[i].begin, spans_[j].end - spans_[i].begin};
  }
  /// Word i with one space in front and one behind (only for kSpaced); borrowed until the next split.
  std::string_view padded(std::size_t i) const {
    return {text_.data() + spans_[i].begin - 1, spans_[i].end - spans_[i].begin + std::size_t{2}};
  }

 private:
  friend class WordSplitter;
  struct Span {
    std::uint32_t begin;
    std::uint32_t end;
  };
  std::string text_;
  std::vector<Span> spans_;
};

/// Cuts texts into words. Lower case is that of Python's str.lower (Unicode's full mapping with the final
/// sigma); bytes that are not UTF-8 count as U+FFFD. Threads: safe to use from several at once.
class WordSplitter {
 public:
  /// `filters`: UTF-8, only for kFiltered.
  WordSplitter(WordRule rule, bool lower, std::string_view filters = {});

  /// Puts the words of `text` (at most 1 GiB) into `words`, in order.
  void split(std::string_view text, Words& words) const;

 private:
  class Writer;
  bool is_separator(char32_t character) const;

  WordRule rule_;
  bool lower_;
  std::array<char, 128> ascii_{};  ///< what an ASCII byte becomes
  std::vector<char32_t> filters_;  ///< those beyond ASCII, sorted
};

/// How many code points a text has.
std::uint32_t count_characters(std::string_view text);

}  // namespace amas::features
