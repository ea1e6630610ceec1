#include "engines/duckdb/csv_lines.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>
#include <vector>

namespace amas::engines::duckdb {
namespace {

constexpr std::size_t kPiece = 1u << 20;  // what is read at once

class CsvLineWalk : public testing::Test {
 protected:
  const fs::path& put(std::string_view content) {
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  Result<CsvLines> look(std::string_view content) { return look_at_lines(put(content), dialect); }
  std::string refusal(std::string_view content) {
    const auto lines = look(content);
    return lines ? "accepted" : lines.error().message;
  }
  std::string copied(std::string_view content) {
    const fs::path copy = folder.path() / "copy.csv";
    EXPECT_TRUE(copy_with_line_feeds(put(content), dialect, copy));
    return read_file(copy).value();
  }

  TemporaryFolder folder;
  fs::path file = folder.path() / "a.csv";
  CsvDialect dialect;
};

TEST_F(CsvLineWalk, tells_whether_rows_end_in_different_ways) {
  EXPECT_FALSE(look("a,b\n1,2\n")->mixed_ends);
  EXPECT_FALSE(look("a,b\r\n1,2\r\n")->mixed_ends);
  EXPECT_FALSE(look("a,b\r1,2\r")->mixed_ends);
  EXPECT_TRUE(look("a,b\r\n1,2\n")->mixed_ends);
  EXPECT_TRUE(look("a,b\n1,2\r\n")->mixed_ends);
  EXPECT_FALSE(look("a,b\n1,\"x\r\ny\"\n")->mixed_ends) << "within quotes";
  EXPECT_FALSE(look("a,b\n1, \"x\"\"\r\ny\"\n")->mixed_ends) << "behind a space and a doubled quote";
  EXPECT_TRUE(look("a,b\n1,x\"\r\n")->mixed_ends) << "no quote encloses this cell";
  EXPECT_FALSE(look("\xEF\xBB\xBF\"a\r\nb\",c\n1,2\n")->mixed_ends) << "behind the byte order mark";
}

TEST_F(CsvLineWalk, refuses_a_return_alone_among_other_ends) {
  EXPECT_TRUE(refusal("a,b\n\"x\ny\",1\nhe\rllo,2\n").starts_with("line 4: a carriage return stands alone"));
  EXPECT_TRUE(refusal("a,b\r\n1,2\r").starts_with("line 2: a carriage return stands alone"));
  EXPECT_EQ(refusal("a,b\n\"he\rllo\",2\n"), "accepted");
}

TEST_F(CsvLineWalk, copies_rows_with_line_feeds_and_leaves_quotes_alone) {
  EXPECT_EQ(copied("a,b\r\n\"x\r\ny\rz\n\",1\n\r\n2,3"), "a,b\n\"x\r\ny\rz\n\",1\n\n2,3");
  const std::string long_cell(kPiece - 2, 'x');
  EXPECT_EQ(copied("a\r\n" + long_cell.substr(2) + "\r\nb\n"), "a\n" + long_cell.substr(2) + "\nb\n")
      << "a return at the end of a piece";
  EXPECT_TRUE(look("a\n" + long_cell.substr(1) + "\r\nb\n")->mixed_ends);
}

TEST_F(CsvLineWalk, names_line_and_byte_of_what_is_no_text) {
  EXPECT_EQ(refusal("a,b\n\"x\ny\",caf\xe9\n"),
            "line 3: the text is not UTF-8; save it as UTF-8 (byte 13 of the file, counted from 0)");
  EXPECT_TRUE(refusal(std::string_view("a,b\nx\0,1\n", 9)).starts_with("line 2: a NUL byte"));
  EXPECT_NE(refusal(std::string_view("a,b\nx\0,1\n", 9)).find("(byte 5 of"), std::string::npos);
  EXPECT_NE(refusal("a,b\nx,\xe4\xb8").find("line 2: the text is not UTF-8"), std::string::npos) << "cut off";
}

TEST_F(CsvLineWalk, takes_characters_that_a_piece_cuts) {
  for (std::size_t before : {kPiece - 1, kPiece - 2, kPiece - 3, kPiece - 4}) {
    EXPECT_EQ(refusal(std::string(before, 'x') + "😀\n"), "accepted") << before;
    EXPECT_NE(refusal(std::string(before, 'x') + "\xF0\x9F\x98\n").find(fmt::format("(byte {} of", before)),
              std::string::npos)
        << before;
  }
}

TEST_F(CsvLineWalk, knows_on_which_line_a_row_begins) {
  put("a,b\n\"x\r\ny\rz\",1\n\n2,3\r\n4,5");
  for (const auto& [row, line] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 1}, {2, 2}, {3, 5}, {4, 6}, {5, 7}, {6, 6}})
    EXPECT_EQ(line_of_row(file, dialect, row).value(), line) << row;
}

TEST_F(CsvLineWalk, says_when_there_is_no_file) {
  EXPECT_EQ(look_at_lines(file, dialect).error().code, Code::kNotFound);
  EXPECT_FALSE(copy_with_line_feeds(put("a\n"), dialect, folder.path() / "none/copy.csv"));
}

}  // namespace
}  // namespace amas::engines::duckdb
