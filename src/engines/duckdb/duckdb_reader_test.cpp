#include "engines/duckdb/duckdb_reader.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/limits.h"
#include "engines/duckdb/csv_dialect.h"
#include "engines/duckdb/duckdb_api.h"
#include "engines/duckdb/duckdb_session.h"

namespace amas::engines {
namespace {

using table::Column;
using table::ColumnType;
using table::Table;
using Strings = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;
using Bytes = std::vector<std::uint8_t>;

const fs::path kLibrary = fs::path(AMAS_THIRD_PARTY_DIR) / "duckdb/libduckdb.so";

/// A folder for files and the reader that reads them.
class DuckDb : public testing::Test {
 protected:
  std::string put(const std::string& name, std::string_view content) {
    const fs::path path = folder.path() / name;
    std::ofstream(path, std::ios::binary) << content;
    return path.string();
  }
  Table read(const std::string& name, std::string_view content) {
    auto table = reader->read(put(name, content), format_of(name));
    EXPECT_TRUE(table) << (table ? "" : table.error().message);
    return table ? *std::move(table) : Table();
  }
  Error error(const std::string& name, std::string_view content) {
    const auto table = reader->read(put(name, content), format_of(name));
    EXPECT_FALSE(table) << content.substr(0, 100);
    return table ? Error{} : table.error();
  }
  /// The message must say where, and must not repeat what the file holds.
  void expect_refused(const std::string& name, std::string_view content, std::string_view words) {
    const Error refused = error(name, content);
    EXPECT_EQ(refused.code, Code::kInvalidArgument) << refused.message;
    EXPECT_NE(refused.message.find(name), std::string::npos) << refused.message;
    EXPECT_NE(refused.message.find(words), std::string::npos) << refused.message;
    EXPECT_EQ(refused.message.find("secret"), std::string::npos) << refused.message;
  }
  static std::string format_of(const std::string& name) {
    return fs::path(name).extension().string().substr(1);
  }

  /// Lets DuckDB itself write a Parquet file.
  std::string write_parquet(const std::string& name, const std::string& select) {
    const auto api = duckdb::open_api(kLibrary).value();
    const std::string path = (folder.path() / name).string();
    void *database = nullptr, *connection = nullptr;
    duckdb::QueryResult result{};
    EXPECT_EQ(api.open_ext(nullptr, &database, nullptr, nullptr), duckdb::State::kSuccess);
    EXPECT_EQ(api.connect(database, &connection), duckdb::State::kSuccess);
    const std::string sql = fmt::format("COPY ({}) TO {} (FORMAT parquet)", select, duckdb::sql_string(path));
    EXPECT_EQ(api.query(connection, sql.c_str(), &result), duckdb::State::kSuccess)
        << api.result_error(&result);
    api.destroy_result(&result);
    api.disconnect(&connection);
    api.close(&database);
    return path;
  }

  TemporaryFolder folder;
  std::unique_ptr<table::TableReader> reader = make_duckdb_reader(kLibrary);
};

template <class Cells>
void expect_column(const Table& table, std::string_view name, const Cells& cells, const Bytes& missing = {}) {
  const Column* column = table.find(name);
  ASSERT_NE(column, nullptr) << name;
  ASSERT_TRUE(std::holds_alternative<Cells>(column->cells))
      << name << " is " << column_type_name(column->type());
  EXPECT_EQ(std::get<Cells>(column->cells), cells) << name;
  EXPECT_EQ(column->missing, missing) << name;
}

TEST_F(DuckDb, finds_the_type_of_each_csv_column) {
  const Table table = read("a.csv",
                           "whole,real,flag,text,zip,date,big,mixed\n"
                           "1,0.5,true,a,01234,2024-01-31,12345678901234567890,1\n"
                           "-7,2,FALSE,b c,99999,2024-02-01,1,x\n"
                           "9223372036854775807,-1e-3,False,\"d, e\",00001,2024-02-02,2,true\n");
  expect_column(table, "whole", Ints{1, -7, INT64_MAX});
  expect_column(table, "real", Doubles{0.5, 2, -0.001});
  expect_column(table, "flag", Bytes{1, 0, 0});
  expect_column(table, "text", Strings{"a", "b c", "d, e"});
  expect_column(table, "zip", Strings{"01234", "99999", "00001"});
  expect_column(table, "date", Strings{"2024-01-31", "2024-02-01", "2024-02-02"});
  expect_column(table, "big", Strings{"12345678901234567890", "1", "2"});
  expect_column(table, "mixed", Strings{"1", "x", "true"});
}

TEST_F(DuckDb, takes_only_empty_csv_cells_for_missing) {
  const Table table = read("a.csv",
                           "label,n,nothing,last\n"
                           "None,1,,a\n"
                           "NA,,,b\n"
                           "nan,3,\"\",c\n"
                           ",4,,\n"
                           "NULL,5,, \n");
  expect_column(table, "label", Strings{"None", "NA", "nan", "", "NULL"}, {0, 0, 0, 1, 0});
  expect_column(table, "n", Ints{1, 0, 3, 4, 5}, {0, 1, 0, 0, 0});
  expect_column(table, "nothing", Strings(5), {1, 1, 1, 1, 1});
  expect_column(table, "last", Strings{"a", "b", "c", "", " "}, {0, 0, 0, 1, 0});
  expect_column(read("b.csv", "x\n1.5\nnan\n"), "x", Strings{"1.5", "nan"});
  expect_column(read("c.csv", "x\n1\ninf\n"), "x", Strings{"1", "inf"});
}

TEST_F(DuckDb, finds_the_delimiter_and_the_quote) {
  for (const char delimiter : {',', ';', '\t', '|'}) {
    const Table table =
        read("a.csv", fmt::format("a{0} b\n\"x,;|\ty\"{0}1\n\"say \"\"hi\"\"\"{0} 2\n", delimiter));
    expect_column(table, "a", Strings{"x,;|\ty", "say \"hi\""});
    expect_column(table, "b", Ints{1, 2});
  }
  const Table single = read("b.csv", "a;b\n'x;1';'it''s'\n'y, z';2\n");
  expect_column(single, "a", Strings{"x;1", "y, z"});
  expect_column(single, "b", Strings{"it's", "2"});
  expect_column(read("c.csv", "text;price\nno comma;\"1,5\"\nsee, here;\"2,5\"\n"), "price",
                Strings{"1,5", "2,5"});
  expect_column(read("d.csv", "only\nit's\nfine\n"), "only", Strings{"it's", "fine"});
}

TEST_F(DuckDb, reads_csv_as_spreadsheets_and_editors_leave_it) {
  const Table dos = read("dos.csv",
                         "\xEF\xBB\xBF"
                         "\"a b\",\"c\"\"d\"\r\n1,\"two\r\nlines\"\r\n\r\n2,语言\r\n");
  expect_column(dos, "a b", Ints{1, 2});
  expect_column(dos, "c\"d", Strings{"two\r\nlines", "语言"});
  expect_column(read("end.csv", "a,b\n1,2"), "b", Ints{2});
  expect_column(read("blank.csv", "\n\na,b\n\n1,2\n\n"), "b", Ints{2});
  EXPECT_EQ(read("header.csv", "a,b\n").rows(), 0u);
  EXPECT_EQ(read("header.csv", "a,b").columns().size(), 2u);
}

TEST_F(DuckDb, refuses_csv_that_is_ragged_or_not_utf8_or_empty) {
  expect_refused("a.csv", "a,b,c\n1,2,3\nsecret,5\n6,7,8\n", "line 3: the row has 2 cells, the header 3");
  expect_refused("a.csv", "a,b\n1,2\n3,secret,5\n", "line 3: the row has 3 cells, the header 2");
  expect_refused("a.csv", "\n\na,b\n1,2\n3,secret,5\n", "line 5: the row has 3 cells");
  expect_refused("a.csv", "a,b\n1,secret caf\xe9\n", "line 2: the text is not UTF-8");
  expect_refused("a.csv", "a,caf\xe9\n1,2\n", "line 1: the text is not UTF-8");
  expect_refused("a.csv",
                 std::string_view("\xFF\xFE"
                                  "a\0,\0b\0\n\0",
                                  10),
                 "line 1: the text is UTF-16");
  expect_refused("a.csv", "a,b\n1,\"x\ny\"\nsecret,caf\xe9\n", "line 4: the text is not UTF-8");
  expect_refused("a.csv", std::string_view("a,b\nsecret\0,2\n", 14), "line 2: a NUL byte");
  expect_refused("a.csv", "a,b\n\"x\n\ny\",1\n\nsecret\n", "line 6: the row has 1 cell, the header 2");
  expect_refused("a.csv", "a,b\n\"secret,2\n3,4\n", "quote");
  expect_refused("a.csv", "\"a,b\n1,2\n", "line 1: the header does not end");
  expect_refused("a.csv", "a,b\r\n1,secret\r3,4\n", "line 2: a carriage return stands alone");
  expect_refused("a.csv", "", "empty");
  expect_refused("a.csv", "\n \n", "empty");
  expect_refused("a.csv", "a,b,a\n1,2,3\n", "two columns have the same name: a");
  expect_refused("a.csv", "a,,b\n1,2,3\n", "a column has no name");
}

TEST_F(DuckDb, reads_csv_whose_rows_end_in_different_ways) {
  for (const char* content :
       {"a,b\r\n1,\"x\r\ny\"\n2,z\r\n", "a,b\n1,\"x\r\ny\"\r\n2,z", "a,b\n1,\"x\r\ny\"\n2,z\r\n"}) {
    const Table table = read("a.csv", content);
    expect_column(table, "a", Ints{1, 2});
    expect_column(table, "b", Strings{"x\r\ny", "z"});
  }
  expect_refused("a.csv", "a,b\r\n\"secret\r\n\",1\nsecret\r\n", "line 4: the row has 1 cell");
}

TEST_F(DuckDb, names_the_line_of_a_csv_error_far_into_the_file) {
  std::string content = "a,b\n";
  for (int i = 0; i < 200'000; ++i) content += fmt::format("{},text {}\n", i, i);
  expect_refused("a.csv", content + "secret\n" + content, "line 200002: the row has 1 cell,");
}

TEST_F(DuckDb, reads_csv_of_many_chunks_in_order) {
  constexpr int kRows = 300'000;
  std::string content = "n,half,text\n";
  for (int i = 0; i < kRows; ++i)
    content += i % 7 == 0 ? fmt::format("{},,\n", i) : fmt::format("{},{}.5,text number {}\n", i, i, i);
  const Table table = read("a.csv", content);
  ASSERT_EQ(table.rows(), static_cast<std::size_t>(kRows));
  const auto& n = std::get<Ints>(table.find("n")->cells);
  const auto& half = std::get<Doubles>(table.find("half")->cells);
  for (int i = 0; i < kRows; ++i) {
    const auto row = static_cast<std::size_t>(i);
    ASSERT_EQ(n[row], i);
    ASSERT_EQ(table.find("half")->is_missing(row), i % 7 == 0);
    ASSERT_EQ(half[row], i % 7 == 0 ? 0 : i + 0.5);
    ASSERT_EQ(table.find("text")->strings()[row], i % 7 == 0 ? "" : fmt::format("text number {}", i));
  }
}

TEST_F(DuckDb, reads_long_texts_up_to_the_limit) {
  const std::string longest(limits::kTextBytesMax, 'x');
  EXPECT_EQ(read("a.csv", "a,b\n1," + longest + "\n").find("b")->strings()[0].size(), longest.size());
  EXPECT_EQ(error("a.csv", "a,b\n1," + longest + "x\n").code, Code::kResourceExhausted);
  expect_refused("a.csv", "a,b\n1," + longest + longest + longest + "\n", "larger than allowed");
  EXPECT_EQ(read("a.jsonl", "{\"a\":\"" + longest + "\"}").find("a")->strings()[0].size(), longest.size());
  EXPECT_EQ(error("a.jsonl", "{\"a\":\"" + longest + "x\"}").code, Code::kResourceExhausted);
}

TEST_F(DuckDb, reads_json_lines_and_keeps_their_types) {
  const Table table =
      read("a.jsonl",
           "\xEF\xBB\xBF"
           "{\"s\":\"a\\u00e9\",\"i\":1,\"d\":1,\"b\":true,\"A\":\"upper\",\"a\":\"lower\"}\r\n"
           "\n"
           "{\"d\":2.5,\"s\":\"2024-01-01\",\"i\":-9223372036854775808,\"b\":false,\"late\":7}\n"
           "{\"i\":null,\"s\":\"None\",\"d\":18446744073709551615}");
  EXPECT_EQ(table.rows(), 3u);
  expect_column(table, "s", Strings{"aé", "2024-01-01", "None"});
  expect_column(table, "i", Ints{1, INT64_MIN, 0}, {0, 0, 1});
  expect_column(table, "d", Doubles{1, 2.5, 18446744073709551615.0});
  expect_column(table, "b", Bytes{1, 0, 0}, {0, 0, 1});
  expect_column(table, "A", Strings{"upper", "", ""}, {0, 1, 1});
  expect_column(table, "a", Strings{"lower", "", ""}, {0, 1, 1});
  expect_column(table, "late", Ints{0, 7, 0}, {1, 0, 1});
}

TEST_F(DuckDb, makes_a_string_of_json_values_of_several_kinds) {
  const Table table = read("a.jsonl",
                           "{\"m\":1,\"n\":0.5,\"o\":{\"k\": [1, null]},\"p\":null}\n"
                           "{\"m\":\"x\",\"n\":false,\"o\":[],\"p\":null}\n"
                           "{\"m\":2.5,\"n\":3,\"o\":\"text\",\"p\":null}\n");
  expect_column(table, "m", Strings{"1", "x", "2.5"});
  expect_column(table, "n", Strings{"0.5", "false", "3"});
  expect_column(table, "o", Strings{"{\"k\":[1,null]}", "[]", "text"});
  expect_column(table, "p", Strings(3), {1, 1, 1});
}

TEST_F(DuckDb, names_the_line_of_malformed_json) {
  expect_refused("a.jsonl", "{\"a\":1}\n{\"a\":secret}\n", "line 2: not valid JSON");
  expect_refused("a.jsonl", "{\"a\":1}\n\n{\"a\":\"secret\n", "line 3: not valid JSON");
  expect_refused("a.jsonl", "{\"a\":1} {\"a\":2}\n", "line 1: not valid JSON");
  expect_refused("a.jsonl", "{\"a\":\"caf\xe9\"}\n", "line 1: not valid JSON");
  expect_refused("a.jsonl", "{\"a\":1}\n[1,2]\n", "line 2: not a JSON object");
  expect_refused("a.jsonl", "\"secret\"\n", "line 1: not a JSON object");
  expect_refused("a.jsonl", "{\"a\":1,\"a\":2}\n", "line 1: the object has a key twice: \"a\"");
  expect_refused("a.jsonl", "{\"a\":1}\n{\"\":2}\n", "a column has no name");
  expect_refused("a.jsonl", "", "empty");
  expect_refused("a.jsonl", " \n\n", "empty");
  const std::string deep = "{\"a\":" + std::string(1000, '[') + std::string(1000, ']') + "}";
  expect_refused("a.jsonl", deep, "line 1: not valid JSON");
}

TEST_F(DuckDb, reads_parquet_into_the_four_types) {
  const std::string path =
      write_parquet("a.parquet",
                    "SELECT * FROM (VALUES "
                    "(1::TINYINT, 4294967295::UINTEGER, 0.5::FLOAT, 1.25::DECIMAL(5,2), true, 'None', DATE "
                    "'2024-01-31', 'ab'::BLOB, "
                    "[1, 2], 'nan'::DOUBLE, 18446744073709551615::UBIGINT), "
                    "(NULL, 7, NULL, -2.5, NULL, NULL, NULL, NULL, NULL, 1.5, 1)) "
                    "t(tiny, wide, \"real\", \"deci mal\", flag, text, day, bytes, list, maybe, huge)");
  const auto table = reader->read(path, "parquet");
  ASSERT_TRUE(table) << table.error().message;
  expect_column(*table, "tiny", Ints{1, 0}, {0, 1});
  expect_column(*table, "wide", Ints{4294967295, 7});
  expect_column(*table, "real", Doubles{0.5, 0}, {0, 1});
  expect_column(*table, "deci mal", Doubles{1.25, -2.5});
  expect_column(*table, "flag", Bytes{1, 0}, {0, 1});
  expect_column(*table, "text", Strings{"None", ""}, {0, 1});
  expect_column(*table, "day", Strings{"2024-01-31", ""}, {0, 1});
  expect_column(*table, "bytes", Strings{"ab", ""}, {0, 1});
  expect_column(*table, "list", Strings{"[1, 2]", ""}, {0, 1});
  expect_column(*table, "maybe", Doubles{0, 1.5}, {1, 0});
  expect_column(*table, "huge", Doubles{18446744073709551615.0, 1});
}

TEST_F(DuckDb, reads_parquet_of_many_row_groups_in_order) {
  const std::string path =
      write_parquet("a.parquet", "SELECT range AS i, 'row ' || range AS s FROM range(500000)");
  const auto table = reader->read(path, "parquet");
  ASSERT_TRUE(table);
  ASSERT_EQ(table->rows(), 500'000u);
  for (std::size_t row = 0; row < table->rows(); row += 997) {
    EXPECT_EQ(std::get<Ints>(table->columns()[0].cells)[row], static_cast<std::int64_t>(row));
    EXPECT_EQ(table->columns()[1].strings()[row], fmt::format("row {}", row));
  }
}

TEST_F(DuckDb, refuses_what_is_no_parquet) {
  expect_refused("a.parquet", "PAR1 but not really, only something of some length",
                 "the file is no Parquet file");
  const Error damaged = error("a.parquet", "PAR1 but not really, only something of some length PAR1");
  EXPECT_EQ(damaged.message.find("SELECT"), std::string::npos) << damaged.message;
  EXPECT_NE(damaged.message.find("damaged"), std::string::npos) << damaged.message;
  expect_refused("a.parquet", "", "empty");
  const std::string whole = write_parquet("b.parquet", "SELECT range AS i FROM range(1000)");
  fs::resize_file(whole, fs::file_size(whole) - 20);
  EXPECT_EQ(reader->read(whole, "parquet").error().code, Code::kInvalidArgument);
}

TEST_F(DuckDb, takes_odd_file_names_as_they_are) {
  for (const std::string name :
       {"it's.csv", "odd[1].csv", "star*.csv", "q?.csv", "sp ace;.csv", "语言.csv"}) {
    put("other1.csv", "b\n2\n");
    expect_column(read(name, "a\n1\n"), "a", Ints{1});
  }
}

TEST_F(DuckDb, can_reach_no_other_file) {
  const auto api = duckdb::open_api(kLibrary).value();
  const std::string mine = put("mine.csv", "a\n1\n"), other = put("other.csv", "a\n2\n");
  auto session = duckdb::Session::open(api, mine);
  ASSERT_TRUE(session) << session.error().message;
  const auto ignore = [](std::span<const duckdb::Vector>) { return Status(); };
  EXPECT_TRUE(session->run("SELECT * FROM read_csv(" + duckdb::sql_string(mine) + ")", ignore));
  EXPECT_FALSE(session->run("SELECT * FROM read_csv(" + duckdb::sql_string(other) + ")", ignore));
  EXPECT_FALSE(session->run("SELECT * FROM read_text('/etc/hostname')", ignore));
  EXPECT_FALSE(session->run("COPY (SELECT 1) TO " + duckdb::sql_string(other), ignore));
  EXPECT_FALSE(session->run("SET enable_external_access=true", ignore));
  EXPECT_FALSE(session->run("INSTALL httpfs", ignore));
  EXPECT_FALSE(session->run("ATTACH " + duckdb::sql_string((folder.path() / "new.db").string()), ignore));
}

TEST_F(DuckDb, stops_when_the_caller_refuses_a_chunk) {
  const auto api = duckdb::open_api(kLibrary).value();
  auto session = duckdb::Session::open(api, folder.path() / "none");
  ASSERT_TRUE(session);
  int chunks = 0;
  const auto refuse = [&](std::span<const duckdb::Vector>) -> Status {
    return ++chunks, resource_exhausted("enough");
  };
  EXPECT_EQ(session->run("SELECT * FROM range(1000000)", refuse).error().message, "enough");
  EXPECT_EQ(chunks, 1);
}

TEST_F(DuckDb, says_what_is_missing) {
  EXPECT_EQ(reader->read((folder.path() / "none.csv").string(), "csv").error().code, Code::kNotFound);
  EXPECT_EQ(reader->read(folder.path().string(), "csv").error().code, Code::kInvalidArgument);
  EXPECT_EQ(reader->read(put("a.csv", "a\n1\n"), "xls").error().code, Code::kInvalidArgument);
  const auto nowhere = make_duckdb_reader(folder.path() / "libduckdb.so");
  EXPECT_EQ(nowhere->read(put("a.csv", "a\n1\n"), "csv").error().code, Code::kUnavailable);
  EXPECT_EQ(nowhere->version(), "DuckDB (not found)");
  EXPECT_TRUE(nowhere->read(put("a.jsonl", "{\"a\":1}"), "jsonl"));
  const auto other = make_duckdb_reader("/lib/x86_64-linux-gnu/libc.so.6");
  EXPECT_EQ(other->version(), "DuckDB (not found)");
}

TEST_F(DuckDb, tells_its_version) {
  EXPECT_TRUE(reader->version().starts_with("DuckDB v1.")) << reader->version();
}

TEST_F(DuckDb, reads_from_many_threads) {
  const std::string path = put("a.csv", "a,b\n1,x\n2,y\n");
  std::vector<std::size_t> rows(4);
  {
    std::vector<std::jthread> threads;
    for (std::size_t& count : rows) threads.emplace_back([&] { count = reader->read(path, "csv")->rows(); });
  }
  EXPECT_EQ(rows, (std::vector<std::size_t>(4, 2)));
}

}  // namespace
}  // namespace amas::engines
