#include "data/dataset.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"

namespace amas::data {
namespace {

using Strings = std::vector<std::string>;
using table::Table;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Dataset sample() {
  const std::vector<double> doubles{0.1, -0.0, 1e300, kInfinity, -kInfinity};
  Table table = Table::of({{"s",
                            Strings{"plain", "quote \" back \\ line\n\t\x01\x1f\x7f", "语言 😀", "", "null"},
                            {0, 0, 0, 1, 0}},
                           {"i", std::vector<std::int64_t>{INT64_MIN, INT64_MAX, 0, -1, 7}, {}},
                           {"d", doubles, {}},
                           {"b", std::vector<std::uint8_t>{1, 0, 1, 0, 0}, {0, 0, 0, 0, 1}}})
                    .value();
  return {std::move(table), {{0, 3}, {1}, {4}}};
}

TEST(Dataset, reads_back_every_cell_as_it_was) {
  const Dataset dataset = sample();
  const auto back = dataset_from_bytes(to_bytes(dataset));
  ASSERT_TRUE(back) << back.error().message;
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(back->table.columns()[c].name, dataset.table.columns()[c].name);
    EXPECT_EQ(back->table.columns()[c].cells, dataset.table.columns()[c].cells);
    EXPECT_EQ(back->table.columns()[c].missing, dataset.table.columns()[c].missing);
  }
  EXPECT_TRUE(std::signbit(std::get<std::vector<double>>(back->table.columns()[2].cells)[1]));
  EXPECT_EQ(back->split.training, (std::vector<std::size_t>{0, 3}));
  EXPECT_EQ(back->split.validation, (std::vector<std::size_t>{1}));
  EXPECT_EQ(back->split.test, (std::vector<std::size_t>{4}));
}

TEST(Dataset, is_written_as_the_format_says) {
  const Dataset dataset{
      Table::of({{"text", Strings{"a\"b", ""}, {0, 1}}, {"n", std::vector<double>{0.5, 2}, {}}}).value(),
      {{0}, {}, {1}}};
  EXPECT_EQ(to_bytes(dataset),
            R"({"amas_dataset":1,"columns":[{"name":"text","type":"string"},{"name":"n","type":"float64"}],)"
            R"("parts":{"test":1,"train":1,"valid":0},"rows":2})"
            "\n"
            R"(["train","a\"b",0.5])"
            "\n"
            R"(["test",null,2])"
            "\n");
}

TEST(Dataset, gives_lines_that_a_json_parser_reads) {
  const std::string bytes = to_bytes(sample());
  std::size_t lines = 0;
  for (std::size_t at = 0; at < bytes.size(); ++lines) {
    const auto end = bytes.find('\n', at);
    EXPECT_TRUE(parse_json(std::string_view(bytes).substr(at, end - at)));
    at = end + 1;
  }
  EXPECT_EQ(lines, 6u);
}

TEST(Dataset, reads_a_nan_back_and_mends_bytes_that_are_not_utf8) {
  const Dataset dataset{
      Table::of({{"d", std::vector<double>{std::nan("")}, {}}, {"s", Strings{"a\xff"}, {}}}).value(), {}};
  const auto back = dataset_from_bytes(to_bytes(dataset));
  ASSERT_TRUE(back);
  EXPECT_TRUE(std::isnan(std::get<std::vector<double>>(back->table.columns()[0].cells)[0]));
  EXPECT_EQ(back->table.columns()[1].strings()[0], "a\xEF\xBF\xBD");
}

TEST(Dataset, keeps_tables_without_rows_or_columns) {
  EXPECT_EQ(dataset_from_bytes(to_bytes({}))->table.rows(), 0u);
  const Dataset dataset{Table::of({{"s", Strings{}, {}}}).value(), {}};
  EXPECT_EQ(dataset_from_bytes(to_bytes(dataset))->table.columns()[0].type(), table::ColumnType::kString);
}

std::string with_row(const std::string& row) {
  return R"({"amas_dataset":1,"columns":[{"name":"s","type":"string"},{"name":"i","type":"int64"}],)"
         R"("parts":{"test":0,"train":1,"valid":0},"rows":1})"
         "\n" +
         row;
}

TEST(Dataset, names_the_line_that_is_malformed) {
  ASSERT_TRUE(dataset_from_bytes(with_row("[\"train\",\"a\",1]\n")));
  ASSERT_TRUE(dataset_from_bytes(with_row(" [\"train\", \"a\\u00e9\", 1] ")));
  for (const char* row :
       {"", "[]\n", "[\"train\",\"a\"]\n", "[\"train\",\"a\",1,2]\n", "[\"train\",1,1]\n",
        "[\"train\",\"a\",1.5]\n", "[\"train\",\"a\",1]x\n", "[\"train\",\"a\",1\n", "{\"train\":1}\n",
        "[\"trian\",\"a\",1]\n", "[1,\"a\",1]\n", "[\"train\",[\"a\"],1]\n", "[\"train\",\"\\ud800\",1]\n",
        "[\"train\",\"a\xff\",1]\n", "null\n", "[\"train\",\"a\",99999999999999999999]\n",
        "[\"train\",\"a\",true]\n"}) {
    const auto dataset = dataset_from_bytes(with_row(row));
    ASSERT_FALSE(dataset) << row;
    EXPECT_EQ(dataset.error().code, Code::kInvalidArgument) << row;
    if (*row != '\0') {
      EXPECT_NE(dataset.error().message.find("line 2"), std::string::npos) << dataset.error().message;
    }
  }
}

TEST(Dataset, refuses_a_header_that_is_wrong_or_lies) {
  for (const std::string header :
       {"", "{}", "[1]", "nonsense", R"({"amas_dataset":"1"})", R"({"amas_dataset":2})",
        R"({"amas_dataset":1})", R"({"amas_dataset":1,"rows":0,"parts":{"train":0,"valid":0},"columns":[]})",
        R"({"amas_dataset":1,"rows":-1,"parts":{"train":0,"valid":0,"test":0},"columns":[]})",
        R"({"amas_dataset":1,"rows":0,"parts":{"train":1,"valid":0,"test":0},"columns":[]})",
        R"({"amas_dataset":1,"rows":0,"parts":{"train":0,"valid":0,"test":0},)"
        R"("columns":[{"name":"a","type":"date"}]})",
        R"({"amas_dataset":1,"rows":0,"parts":{"train":0,"valid":0,"test":0},)"
        R"("columns":[{"name":"","type":"bool"}]})",
        R"({"amas_dataset":1,"rows":9000000000000,"parts":{"train":0,"valid":0,"test":0},"columns":[]})"}) {
    const auto dataset = dataset_from_bytes(header + "\n");
    ASSERT_FALSE(dataset) << header;
    EXPECT_EQ(dataset.error().code, Code::kInvalidArgument) << header;
  }
  EXPECT_FALSE(dataset_from_bytes(with_row("[\"train\",\"a\",1]\n[\"train\",\"b\",2]\n")));
  EXPECT_FALSE(dataset_from_bytes(with_row("[\"test\",\"a\",1]\n")));
}

// NumPy's figures (tests/oracles/data_profile.py); 1e-12 relative leaves room for another order of summing.
TEST(Profile, agrees_with_numpy_on_numbers) {
  const auto oracle = parse_json(read_file(fs::path(AMAS_TEST_DATA_DIR) / "profile.json").value()).value();
  for (const auto& [name, expected] : oracle.items()) {
    const auto values = expected["values"].get<std::vector<double>>();
    const Json profile = profile_table(Table::of({{name, values, {}}}).value())["columns"][0];
    const auto near = [&](const Json& ours, const Json& theirs) {
      const double b = theirs.get<double>();
      EXPECT_NEAR(ours.get<double>(), b, 1e-12 * std::max(1.0, std::abs(b))) << name;
    };
    for (const char* figure : {"min", "max", "mean", "std"}) near(profile[figure], expected[figure]);
    for (const auto& [quantile, value] : expected["quantiles"].items())
      near(profile["quantiles"][quantile], value);
    EXPECT_EQ(profile["histogram"]["counts"], expected["counts"]) << name;
    near(profile["histogram"]["min"], expected["edges"][0]);
    near(profile["histogram"]["max"], expected["edges"][1]);
    EXPECT_EQ(profile["distinct"], expected["distinct"]) << name;
    EXPECT_EQ(profile["count"], values.size());
  }
}

TEST(Profile, counts_missing_cells_and_leaves_them_out) {
  const Json profile = profile_table(Table::of({{"n", std::vector<std::int64_t>{4, 0, 8}, {0, 1, 0}},
                                                {"all", std::vector<double>{0, 0, 0}, {1, 1, 1}}})
                                         .value());
  EXPECT_EQ(profile["rows"], 3);
  EXPECT_EQ(profile["columns"][0]["missing"], 1);
  EXPECT_EQ(profile["columns"][0]["mean"], 6.0);
  EXPECT_EQ(profile["columns"][0]["distinct"], 2);
  EXPECT_EQ(profile["columns"][1]["missing"], 3);
  EXPECT_FALSE(profile["columns"][1].contains("mean"));
}

TEST(Profile, measures_texts_in_code_points_and_lists_the_values_of_few) {
  Strings labels{"b", "a", "b", "语言😀", "b", "a", "语言😀"};
  const Json column = profile_table(Table::of({{"label", labels, {}}}).value())["columns"][0];
  EXPECT_EQ(column["type"], "string");
  EXPECT_EQ(column["length"]["max"], 3.0);
  EXPECT_EQ(column["length"]["min"], 1.0);
  EXPECT_EQ(column["length"]["median"], 1.0);
  EXPECT_NEAR(column["length"]["mean"].get<double>(), 11.0 / 7, 1e-15);
  EXPECT_EQ(column["frequent"],
            Json::parse(R"([{"value":"b","count":3},{"value":"a","count":2},{"value":"语言😀","count":2}])"));
  const Json flags =
      profile_table(Table::of({{"f", std::vector<std::uint8_t>{1, 1, 0, 1}, {}}}).value())["columns"][0];
  EXPECT_EQ(flags["frequent"], Json::parse(R"([{"value":true,"count":3},{"value":false,"count":1}])"));
  EXPECT_FALSE(flags.contains("mean"));
}

TEST(Profile, says_when_more_values_are_distinct_than_it_counts) {
  std::vector<std::int64_t> values(100'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  const Json more = profile_table(Table::of({{"n", values, {}}}).value())["columns"][0];
  EXPECT_EQ(more["distinct"], 100'000);
  EXPECT_EQ(more["distinct_more"], true);
  values.back() = 0;
  const Json exact = profile_table(Table::of({{"n", values, {}}}).value())["columns"][0];
  EXPECT_EQ(exact["distinct"], 100'000);
  EXPECT_FALSE(exact.contains("distinct_more"));
}

TEST(Profile, stands_numbers_at_the_ends_of_their_range) {
  const double greatest = std::numeric_limits<double>::max();
  const Json column = profile_table(
      Table::of({{"d", std::vector<double>{-greatest, greatest, 0, kInfinity, std::nan("")}, {}}})
          .value())["columns"][0];
  EXPECT_EQ(column["not_finite"], 2);
  EXPECT_EQ(column["histogram"]["counts"][0], 1);
  EXPECT_EQ(column["histogram"]["counts"][10], 1);
  EXPECT_EQ(column["histogram"]["counts"][19], 1);
  EXPECT_NE(dump_json(column).size(), 0u);
}

TEST(DatasetBytes, gives_the_first_rows_without_the_others) {
  Dataset dataset{table::Table::of({{"text", std::vector<std::string>{"a", "b\n", "c"}, {}}}).value(), {}};
  dataset.split.training = {0, 1, 2};
  std::string bytes = to_bytes(dataset);
  EXPECT_EQ(first_rows(bytes, 2)->find("text")->strings(), (std::vector<std::string>{"a", "b\n"}));
  EXPECT_EQ(first_rows(bytes, 9)->rows(), 3u);
  EXPECT_EQ(first_rows(bytes, 0)->rows(), 0u);
  EXPECT_TRUE(first_rows(bytes.substr(0, bytes.size() - 5), 2)) << "the third row is not looked at";
  EXPECT_FALSE(first_rows(bytes.substr(0, bytes.size() - 5), 3));
  EXPECT_FALSE(first_rows("", 3));
}

}  // namespace
}  // namespace amas::data
