#include "base/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace amas {
namespace {

TEST(Text, nearest_finds_a_misspelt_word) {
  const std::vector<std::string> keys{"padding", "length", "vocabulary"};
  EXPECT_EQ(nearest("vocabluary", keys), "vocabulary");
  EXPECT_EQ(nearest("lenght", keys), "length");
  EXPECT_EQ(nearest("length", keys), "length");
  EXPECT_EQ(nearest("epochs", keys), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(nearest("x", {"a", "ab"}), std::nullopt) << "any byte is one edit from any other";
  EXPECT_EQ(nearest("x", {"xyz", "xy"}), "xy");
  EXPECT_EQ(nearest("xy", {"ab"}), std::nullopt);
  EXPECT_EQ(nearest("xy", {"yx", "xa"}), "xa");
  EXPECT_EQ(nearest("", {"a", "ab"}), std::nullopt);
  EXPECT_EQ(nearest("ab", {"abcd", "abc"}), "abc") << "the nearer, not the first";
}

TEST(Text, a_size_is_said_in_the_unit_that_fits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(999.6), "1.0 kB");
  EXPECT_EQ(format_bytes(3'449), "3.4 kB");
  EXPECT_EQ(format_bytes(999'949), "999.9 kB");
  EXPECT_EQ(format_bytes(999'950), "1.0 MB");
  EXPECT_EQ(format_bytes(12'345'678), "12.3 MB");
  EXPECT_EQ(format_bytes(999'960'000), "1.0 GB");
  EXPECT_EQ(format_bytes(5.2e12), "5200.0 GB");
}

// Whether `text` is the encoding of some code point, by encoding them all.
bool is_encoding(std::string_view text) {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> list;
    const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
    for (std::uint32_t c = 0x80; c < 0x110000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      if (c < 0x800) list.push_back({byte(0xC0 | c >> 6), byte(0x80 | (c & 63))});
      else if (c < 0x10000)
        list.push_back({byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))});
      else
        list.push_back({byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)),
                        byte(0x80 | (c & 63))});
    }
    return list;
  }();
  // Encodings sort as their code points do.
  const auto at =
      std::lower_bound(all.begin(), all.end(), text,
                       [](const std::string& a, std::string_view b) { return std::string_view(a) < b; });
  return at != all.end() && *at == text;
}

TEST(Text, utf8_is_well_formed_exactly_where_it_encodes_a_code_point) {
  // Bytes at the edges of every rule of RFC 3629, in all combinations.
  const std::vector<int> edges{0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0,
                               0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
  const auto text = [](std::initializer_list<int> bytes) {
    std::string made;
    for (const int byte : bytes) made += static_cast<char>(byte);
    return made;
  };
  for (const int a : edges)
    for (const int b : edges) {
      EXPECT_EQ(is_utf8(text({a, b})), is_encoding(text({a, b})));
      for (const int c : edges) {
        EXPECT_EQ(is_utf8(text({a, b, c})), is_encoding(text({a, b, c})));
        for (const int d : edges) {
          // Two characters of two bytes each are well-formed as well.
          const bool pair = is_encoding(text({a, b})) && is_encoding(text({c, d}));
          ASSERT_EQ(is_utf8(text({a, b, c, d})), pair || is_encoding(text({a, b, c, d})));
        }
      }
    }
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8(std::string_view("a\0é中😀", 11)));
}

TEST(Text, utf8_prefix_ends_before_the_first_sequence_that_is_wrong_or_cut) {
  EXPECT_EQ(utf8_prefix("aé中"), 6u);
  EXPECT_EQ(utf8_prefix("aé\xff中"), 3u);
  EXPECT_EQ(utf8_prefix("aé\xe4\xb8"), 3u);
  EXPECT_EQ(utf8_prefix(""), 0u);
}

TEST(Text, to_valid_utf8_replaces_only_what_is_ill_formed) {
  EXPECT_EQ(to_valid_utf8("aé中😀"), "aé中😀");
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b\xC3"),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
}

TEST(Text, cut_utf8_never_cuts_a_character) {
  EXPECT_EQ(cut_utf8("aé中", 10), "aé中");
  EXPECT_EQ(cut_utf8("aé中", 6), "aé中");
  EXPECT_EQ(cut_utf8("aé中", 5), "aé");
  EXPECT_EQ(cut_utf8("aé中", 2), "a");
  EXPECT_EQ(cut_utf8("中", 2), "");
  EXPECT_EQ(cut_utf8("", 0), "");
}

TEST(Text, printable_escapes_what_a_terminal_acts_on_and_nothing_else) {
  EXPECT_EQ(printable("aé中😀\\n"), "aé中😀\\n");
  EXPECT_EQ(printable("\x1b[31mred\x07\n\r\t"), "\\x1b[31mred\\x07\\n\\r\\t");
  EXPECT_EQ(printable(std::string_view("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(printable("\u009b2J"), "\\x9b2J") << "C1 begins a sequence as ESC [ does";
  EXPECT_EQ(printable("pay \u202e001\u2069\u2028"), "pay \\u202e001\\u2069\\u2028");
  EXPECT_EQ(printable("a\xff\xc3"), "a\\xff\\xc3");
  EXPECT_EQ(printable("👩\u200d🔬"), "👩\u200d🔬") << "joins a character, and moves nothing";
  EXPECT_EQ(printable(""), "");
}

TEST(Text, trim_removes_white_space_at_both_ends) {
  EXPECT_EQ(trim(" \t\r\n a b \v\f"), "a b");
  EXPECT_EQ(trim("   "), "");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim("x"), "x");
}

TEST(Text, split_at_keeps_empty_parts) {
  using Parts = std::vector<std::string_view>;
  EXPECT_EQ(split_at("a,,b", ','), (Parts{"a", "", "b"}));
  EXPECT_EQ(split_at("", ','), Parts{""});
  EXPECT_EQ(split_at(",", ','), (Parts{"", ""}));
}

}  // namespace
}  // namespace amas
