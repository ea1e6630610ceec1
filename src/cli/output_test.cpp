#include "cli/output.h"

#include <gtest/gtest.h>

namespace amas::cli {
namespace {

TEST(Output, a_width_counts_characters_and_no_escape_sequences) {
  EXPECT_EQ(width_of(""), 0u);
  EXPECT_EQ(width_of("30 µs"), 5u);
  EXPECT_EQ(width_of("\033[31;1mred\033[0m"), 3u);
  EXPECT_EQ(width_of("cut \033[3"), 4u);
}

TEST(Output, a_text_that_is_cut_keeps_whole_characters_and_ends_its_colour) {
  EXPECT_EQ(cut_to_width("30 µs", 0), "30 µs");
  EXPECT_EQ(cut_to_width("30 µs", 5), "30 µs");
  EXPECT_EQ(cut_to_width("30 µs", 4), "30 µ");
  EXPECT_EQ(cut_to_width("\033[31mred\033[0m and more", 2), "\033[31mre\033[0m");
  EXPECT_EQ(cut_to_width("\033[31mred\033[0m and more", 5), "\033[31mred\033[0m a");
}

TEST(Output, a_table_that_is_too_wide_becomes_a_block_a_row) {
  const std::vector<std::vector<std::string>> rows{
      {"MODEL", "FILE"}, {"spam", "3 kB"}, {"a-longer-name", ""}};
  EXPECT_EQ(format_table(rows, 0), "MODEL          FILE\nspam           3 kB\na-longer-name\n");
  EXPECT_EQ(format_table(rows, 19), format_table(rows, 0));
  EXPECT_EQ(format_table(rows, 18), "MODEL  spam\nFILE   3 kB\n\nMODEL  a-longer-name\n");
}

}  // namespace
}  // namespace amas::cli
