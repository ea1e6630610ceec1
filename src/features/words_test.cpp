#include "features/words.h"

#include <gtest/gtest.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace amas::features {
namespace {

using Strings = std::vector<std::string>;

Strings split(const WordSplitter& splitter, std::string_view text) {
  Words words;
  splitter.split(text, words);
  Strings list;
  for (std::size_t i = 0; i < words.size(); ++i) list.emplace_back(words[i]);
  return list;
}

std::string encode(std::uint32_t character) {
  std::string text;
  if (character < 0x80) {
    text = {static_cast<char>(character)};
  } else if (character < 0x800) {
    text = {static_cast<char>(0xC0 | character >> 6), static_cast<char>(0x80 | (character & 63))};
  } else if (character < 0x10000) {
    text = {static_cast<char>(0xE0 | character >> 12), static_cast<char>(0x80 | (character >> 6 & 63)),
            static_cast<char>(0x80 | (character & 63))};
  } else {
    text = {static_cast<char>(0xF0 | character >> 18), static_cast<char>(0x80 | (character >> 12 & 63)),
            static_cast<char>(0x80 | (character >> 6 & 63)), static_cast<char>(0x80 | (character & 63))};
  }
  return text;
}

// Whether Python 3.11 (Unicode 14) knows the code point; later ones may differ.
bool is_known_to_oracle(std::uint32_t character) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(character), age);
  return age[0] <= 14;
}

TEST(Words, split_at_every_white_space_of_python_and_lend_their_padding) {
  const WordSplitter splitter(WordRule::kSpaced, true);
  Words words;
  splitter.split(
      "\tA,b\x1F"
      "C\xC2\x85\xE2\x80\xA8"
      "d\xE2\x80\x8B"
      "e ",
      words);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words.padded(0), " a,b ");
  EXPECT_EQ(words.padded(1), " c ");
  EXPECT_EQ(words.padded(2),
            " d\xE2\x80\x8B"
            "e ")
      << "a zero width space is no white space";
  splitter.split(" \n\xE3\x80\x80", words);
  EXPECT_EQ(words.size(), 0u);
}

TEST(Words, split_at_filters_and_spaces_only) {
  const WordSplitter splitter(WordRule::kFiltered, true, "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n");
  EXPECT_EQ(split(splitter, "Hello, World!  it's\tTWO\nlines"),
            (Strings{"hello", "world", "it's", "two", "lines"}));
  EXPECT_EQ(split(splitter,
                  "a\rb c\vd e\xC2\xA0"
                  "f"),
            (Strings{"a\rb", "c\vd",
                     "e\xC2\xA0"
                     "f"}))
      << "Keras splits at no other white space";
  EXPECT_EQ(split(splitter, ""), Strings{});
  EXPECT_EQ(split(splitter, " ,. "), Strings{});
}

TEST(Words, keep_a_nul_byte_as_a_character) {
  const std::string text("a\0b", 3);
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true, ","), text), Strings{text});
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true, std::string_view("\0", 1)), text),
            (Strings{"a", "b"}));
  EXPECT_EQ(split(WordSplitter(WordRule::kPattern, true), "aa" + std::string(1, '\0') + "bb"),
            (Strings{"aa", "bb"}));
}

TEST(Words, filter_after_lowering) {
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true, "A"), "bAb"), Strings{"bab"});
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true, "a"), "bAb"), (Strings{"b", "b"}));
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true, "k"), "x\u212Ay"), (Strings{"x", "y"}))
      << "Kelvin sign";
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, false, "，。"), "A，B。C"), (Strings{"A", "B", "C"}));
}

TEST(Words, lower_the_letters_that_need_care) {
  const WordSplitter splitter(WordRule::kFiltered, true);
  EXPECT_EQ(split(splitter, "İ"), Strings{"i\u0307"});
  EXPECT_EQ(split(splitter, "ΟΔΟΣ Σ ΑΣΑ ΑΣ'Α ΑΣ'"), (Strings{"οδος", "σ", "ασα", "ασ'α", "ας'"}));
  EXPECT_EQ(split(splitter, "ẞ Ⱥ"), (Strings{"ß", "ⱥ"}));
}

TEST(Words, of_the_pattern_have_two_word_characters_at_least) {
  const WordSplitter splitter(WordRule::kPattern, true);
  EXPECT_EQ(split(splitter, "I am a x1 __ _ ½½ 中 中文 é éé it's"),
            (Strings{"am", "x1", "__", "½½", "中文", "éé", "it"}));
  EXPECT_EQ(split(splitter, "İstanbul e\u0301clair"), (Strings{"stanbul", "clair"}))
      << "marks are not word characters";
}

TEST(Words, count_bytes_that_are_not_utf8_as_replacement_characters) {
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true),
                  "a\xFF"
                  "b \xC3"),
            (Strings{"a\uFFFDb", "\uFFFD"}));
  EXPECT_EQ(split(WordSplitter(WordRule::kCharacters, true), "\xFFZ"), (Strings{"\uFFFD", "z"}));
  EXPECT_EQ(split(WordSplitter(WordRule::kPattern, true),
                  "ab\xE4"
                  "cd"),
            (Strings{"ab", "cd"}));
  const std::string worst(10'000, '\xFF');
  EXPECT_EQ(split(WordSplitter(WordRule::kFiltered, true), worst)[0].size(), 30'000u)
      << "three bytes for each";
}

TEST(Words, can_be_joined) {
  Words words;
  WordSplitter(WordRule::kPattern, true).split("One, a TWO -- three", words);
  ASSERT_EQ(words.size(), 3u);
  EXPECT_EQ(words.joined(0, 1), "one two");
  EXPECT_EQ(words.joined(0, 2), "one two three");
}

TEST(Words, lower_and_class_of_every_code_point_are_those_of_python) {
  const auto file = read_file(AMAS_TEST_DATA_DIR "/unicode.json");
  ASSERT_TRUE(file.has_value());
  const Json oracle = Json::parse(*file);
  std::vector<bool> is_word(0x110000);
  for (const auto& range : oracle["word_ranges"])
    for (std::uint32_t c = range[0]; c <= range[1].get<std::uint32_t>(); ++c) is_word[c] = true;
  const WordSplitter lower(WordRule::kFiltered, true);
  const WordSplitter pattern(WordRule::kPattern, false);
  int wrong = 0;
  for (std::uint32_t c = 0; c < 0x110000 && wrong < 20; ++c) {
    if ((c >= 0xD800 && c <= 0xDFFF) || c == ' ' || !is_known_to_oracle(c)) continue;
    const std::string text = encode(c);
    const auto at = oracle["lower"].find(std::to_string(c));
    const Strings expected{at == oracle["lower"].end() ? text : at->get<std::string>()};
    const Strings words = is_word[c] ? Strings{text + text} : Strings{};
    if (split(lower, text) == expected && split(pattern, text + text) == words) continue;
    ++wrong;
    ADD_FAILURE() << "U+" << std::hex << c;
  }
}

TEST(Words, count_characters_counts_code_points) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("aé中😀"), 4u);
}

}  // namespace
}  // namespace amas::features
