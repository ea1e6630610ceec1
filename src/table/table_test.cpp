#include "table/table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "base/limits.h"

namespace amas::table {
namespace {

using Strings = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;
using Bytes = std::vector<std::uint8_t>;

Table sample() {
  return Table::of({{"flag", Bytes{1, 0, 0}, {0, 0, 1}},
                    {"whole", Ints{7, 0, INT64_MIN}, {0, 1, 0}},
                    {"real", Doubles{0.1, 1e300, -2}, {}},
                    {"text", Strings{"a", "", "语"}, {}}})
      .value();
}

TEST(Table, knows_its_columns_by_name_and_type) {
  const Table table = sample();
  EXPECT_EQ(table.rows(), 3u);
  ASSERT_EQ(table.schema().size(), 4u);
  EXPECT_EQ(table.schema()[0].type, ColumnType::kBool);
  EXPECT_EQ(table.schema()[1].type, ColumnType::kInt64);
  EXPECT_EQ(table.schema()[2].type, ColumnType::kFloat64);
  EXPECT_EQ(table.schema()[3].type, ColumnType::kString);
  EXPECT_EQ(table.schema()[3].name, "text");
  EXPECT_EQ(table.find("real"), &table.columns()[2]);
  EXPECT_EQ(table.find("Real"), nullptr);
  EXPECT_EQ(table.column("real").value(), table.find("real"));
  EXPECT_EQ(Table().rows(), 0u);
}

TEST(Table, names_the_nearest_column_when_one_is_missing) {
  const auto column = sample().column("wole");
  ASSERT_FALSE(column);
  EXPECT_EQ(column.error().code, Code::kInvalidArgument);
  EXPECT_NE(column.error().message.find("did you mean \"whole\""), std::string::npos);
  EXPECT_NE(column.error().message.find("flag, whole, real, text"), std::string::npos);
  EXPECT_EQ(sample().column("something else entirely").error().message.find("did you mean"),
            std::string::npos);
}

TEST(Table, writes_cells_as_text_that_reads_back_the_same) {
  const Table table = sample();
  EXPECT_EQ(table.find("flag")->text(0), "true");
  EXPECT_EQ(table.find("flag")->text(1), "false");
  EXPECT_EQ(table.find("flag")->text(2), "");
  EXPECT_EQ(table.find("whole")->text(1), "");
  EXPECT_EQ(table.find("whole")->text(2), "-9223372036854775808");
  EXPECT_EQ(table.find("text")->text(2), "语");
  for (const double value : {0.1, 1e300, -2.0, 5e-324, std::numeric_limits<double>::max(), 1.0 / 3}) {
    const Column column{"x", Doubles{value}, {}};
    EXPECT_EQ(std::strtod(column.text(0).c_str(), nullptr), value) << column.text(0);
  }
  EXPECT_EQ(sample().find("real")->text(0), "0.1");
}

TEST(Table, tells_missing_cells_from_empty_ones) {
  const Table table = sample();
  EXPECT_TRUE(table.find("flag")->is_missing(2));
  EXPECT_FALSE(table.find("flag")->is_missing(0));
  EXPECT_FALSE(table.find("text")->is_missing(1));
}

TEST(Table, takes_rows_in_the_order_asked_for) {
  const Table taken = sample().take({2, 0, 2});
  ASSERT_EQ(taken.rows(), 3u);
  EXPECT_EQ(taken.find("text")->strings(), (Strings{"语", "a", "语"}));
  EXPECT_EQ(std::get<Ints>(taken.find("whole")->cells), (Ints{INT64_MIN, 7, INT64_MIN}));
  EXPECT_EQ(taken.find("flag")->missing, (Bytes{1, 0, 1}));
  EXPECT_TRUE(taken.find("real")->missing.empty());
  EXPECT_EQ(sample().take({}).rows(), 0u);
  EXPECT_EQ(sample().take({}).columns().size(), 4u);
}

TEST(Table, refuses_columns_that_do_not_fit_together) {
  const auto code = [](std::vector<Column> columns) {
    const auto table = Table::of(std::move(columns));
    return table ? Code::kUnknown : table.error().code;
  };
  EXPECT_EQ(code({{"a", Ints{1}, {}}, {"b", Ints{1, 2}, {}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a", Ints{1}, {}}, {"a", Ints{2}, {}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"", Ints{1}, {}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{"a", Ints{1, 2}, {1}}}), Code::kInvalidArgument);
}

TEST(Table, refuses_more_columns_than_the_limit) {
  std::vector<Column> columns;
  for (std::size_t i = 0; i < limits::kTableColumnsMax; ++i)
    columns.push_back({std::to_string(i), Ints{}, {}});
  EXPECT_TRUE(Table::of(columns));
  columns.push_back({"one more", Ints{}, {}});
  EXPECT_EQ(Table::of(std::move(columns)).error().code, Code::kResourceExhausted);
}

TEST(ColumnType, has_a_name_that_leads_back_to_it) {
  for (const auto type : {ColumnType::kBool, ColumnType::kInt64, ColumnType::kFloat64, ColumnType::kString})
    EXPECT_EQ(column_type_from_name(column_type_name(type)).value(), type);
  const auto unknown = column_type_from_name("date");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("bool, int64, float64, string"), std::string::npos);
}

}  // namespace
}  // namespace amas::table
