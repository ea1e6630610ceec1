#include "cli/output.h"

#include <gtest/gtest.h>

namespace amas::cli {
namespace {

TEST(Output, a_width_counts_characters_and_no_escape_sequences) {
  EXPECT_EQ(width_of(""), 0u);
  EXPECT_EQ(width_of("30 µs"), 5u);
  EXPECT_EQ(width_of("\033[31;1mred\033[0m"), 3u);
  EXPECT_EQ(width_of("cut \033[3"), 4u);
  EXPECT_EQ(width_of("文本"), 4u) << "Chinese characters take two columns";
  EXPECT_EQ(width_of("cafe\u0301"), 4u) << "an accent of its own takes none";
  EXPECT_EQ(width_of("a\xff\xfe"), 3u) << "what is not UTF-8 is shown as U+FFFD";
}

TEST(Output, a_text_that_is_cut_keeps_whole_characters_and_ends_its_colour) {
  EXPECT_EQ(cut_to_width("30 µs", 0), "30 µs");
  EXPECT_EQ(cut_to_width("30 µs", 5), "30 µs");
  EXPECT_EQ(cut_to_width("30 µs", 4), "30 µ");
  EXPECT_EQ(cut_to_width("文本", 3), "文");
  EXPECT_EQ(cut_to_width("\033[31mred\033[0m and more", 2), "\033[31mre\033[0m");
  EXPECT_EQ(cut_to_width("\033[31mred\033[0m and more", 5), "\033[31mred\033[0m a");
}

TEST(Output, a_text_is_broken_between_its_pieces_and_else_at_spaces) {
  EXPECT_EQ(wrap_to_width("one two  three four", 0, 2), "one two  three four");
  EXPECT_EQ(wrap_to_width("one two  three four", 19, 2), "one two  three four");
  EXPECT_EQ(wrap_to_width("one two  three four", 14, 2), "one two\n  three four");
  EXPECT_EQ(wrap_to_width("one two  three four", 8, 2), "one two\n  three\n  four");
  EXPECT_EQ(wrap_to_width("loss 6.9 kB", 8, 2), "loss 6.9\n  kB");
  EXPECT_EQ(wrap_to_width("a piece of many words  b c", 8, 2), "a piece\n  of\n  many\n  words\n  b c");
  EXPECT_EQ(wrap_to_width("loss   6.9 kB", 10, 2), "loss\n  6.9 kB");
  EXPECT_EQ(wrap_to_width("  longer-than-that is", 6, 2), "  longer-than-that\n  is");
}

TEST(Output, a_table_lines_up_words_at_their_begin_and_numbers_at_their_end) {
  EXPECT_EQ(
      format_table({{"NAME", "ROWS", "SINCE"}, {"文本", "7", "2 s"}, {"abc", "1000", ""}, {"d", "-", "10 s"}},
                   0),
      "NAME  ROWS  SINCE\n文本     7    2 s\nabc   1000\nd        -   10 s\n");
}

TEST(Output, a_table_that_is_too_wide_becomes_a_block_a_row) {
  const std::vector<std::vector<std::string>> rows{
      {"MODEL", "FILE"}, {"spam", "3 kB"}, {"a-longer-name", ""}};
  EXPECT_EQ(format_table(rows, 0), "MODEL          FILE\nspam           3 kB\na-longer-name\n");
  EXPECT_EQ(format_table(rows, 19), format_table(rows, 0));
  EXPECT_EQ(format_table(rows, 18), "MODEL  spam\nFILE   3 kB\n\nMODEL  a-longer-name\n");
}

TEST(Output, a_table_escapes_what_a_terminal_acts_on_and_lines_up_what_is_shown) {
  EXPECT_EQ(format_table({{"NAME", "KIND"}, {"a\x1b[2J", "x\n"}, {"b", "y"}}, 0),
            "NAME      KIND\na\\x1b[2J  x\\n\nb         y\n");
  EXPECT_EQ(format_table({{"NAME", "KIND"}, {"a\x1b[2J", "x"}}, 9), "NAME  a\\x1b[2J\nKIND  x\n");
}

TEST(Output, bars_show_shares_of_the_highest_and_every_value_that_is_not_zero) {
  EXPECT_EQ(bars_text({0, 0.001, 0.5, 1, 2}, 1), "·▁▄██");
  EXPECT_EQ(bars_text({0, 0}, 0), "··");
  EXPECT_EQ(bars_text({}, 1), "");
}

TEST(Output, counts_say_one_thing_or_several) {
  EXPECT_EQ(count_of(0, "row"), "0 rows");
  EXPECT_EQ(count_of(1, "row"), "1 row");
  EXPECT_EQ(count_of(2, "row"), "2 rows");
}

}  // namespace
}  // namespace amas::cli
