#include "data/split.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "base/json.h"
#include "data/clean.h"
#include "data/import.h"

namespace amas::data {
namespace {

using Strings = std::vector<std::string>;
using table::Table;

SplitOptions options_of(std::string by, double validation = 0.1, double test = 0.2) {
  SplitOptions options;
  options.by = std::move(by);
  options.validation = validation;
  options.test = test;
  return options;
}

std::string letters(const Split& split, std::size_t rows) {
  std::string parts(rows, '.');
  for (const std::size_t row : split.validation) parts[row] = 'v';
  for (const std::size_t row : split.test) parts[row] = 'T';
  return parts;
}

// The same keys as in tests/oracles/data_split.py.
Table oracle_keys() {
  Strings subjects, texts, numbers;
  for (int i = 0; i < 1000; ++i) {
    subjects.push_back(fmt::format("subject {}", i));
    std::string text;
    for (int k = 0; k < i % 3; ++k) text += "текст";
    texts.push_back(text);
    numbers.push_back(fmt::format("{:.1f}", i * 0.5));
  }
  return Table::of({{"subject", subjects, {}}, {"text", texts, {}}, {"number", numbers, {}}}).value();
}

TEST(SplitRows, by_hash_follows_pythons_hashlib) {
  const auto document = parse_json(read_file(fs::path(AMAS_TEST_DATA_DIR) / "split.json").value());
  ASSERT_TRUE(document);
  const Table table = oracle_keys();
  for (const Json& oracle : (*document)["cases"]) {
    SplitOptions options;
    options.validation = oracle["validation"];
    options.test = oracle["test"];
    const auto split = split_rows(table, {"subject", "text", "number"}, "", options);
    ASSERT_TRUE(split);
    EXPECT_EQ(letters(*split, table.rows()), oracle["parts"].get<std::string>());
  }
}

TEST(SplitRows, by_hash_uses_the_columns_asked_for_and_never_moves_a_row) {
  const Table table = oracle_keys();
  SplitOptions options;
  options.on = {"subject"};
  const std::string parts = letters(split_rows(table, {"text"}, "", options).value(), 1000);
  std::vector<std::size_t> half;
  for (std::size_t row = 0; row < 1000; row += 2) half.push_back(row);
  const std::string of_half = letters(split_rows(table.take(half), {"text"}, "", options).value(), 500);
  for (std::size_t i = 0; i < half.size(); ++i) EXPECT_EQ(of_half[i], parts[half[i]]);
}

TEST(SplitRows, at_random_gives_the_shares_exactly_and_the_same_for_a_seed) {
  const Table table = oracle_keys();
  SplitOptions options = options_of("random", 0.15, 0.25);
  const Split split = split_rows(table, {}, "", options).value();
  EXPECT_EQ(split.test.size(), 250u);
  EXPECT_EQ(split.validation.size(), 150u);
  EXPECT_EQ(split.training.size(), 600u);
  EXPECT_TRUE(std::is_sorted(split.test.begin(), split.test.end()));
  EXPECT_EQ(letters(split, 1000), letters(split_rows(table, {}, "", options).value(), 1000));
  options.seed = 2;
  EXPECT_NE(letters(split, 1000), letters(split_rows(table, {}, "", options).value(), 1000));
}

TEST(SplitRows, stratified_gives_each_class_its_share_to_within_a_row) {
  Strings labels, texts;
  for (int i = 0; i < 500; ++i) {
    labels.push_back(i % 50 == 0 ? "rare" : i % 3 == 0 ? "third" : "often");
    texts.push_back(std::to_string(i));
  }
  const Table table = Table::of({{"text", texts, {}}, {"label", labels, {}}}).value();
  const Split split = split_rows(table, {"text"}, "label", options_of("stratified")).value();
  EXPECT_EQ(split.test.size(), 100u);
  EXPECT_EQ(split.validation.size(), 50u);
  for (const char* name : {"rare", "third", "often"}) {
    const auto count = [&](const std::vector<std::size_t>& rows) {
      return static_cast<double>(
          std::count_if(rows.begin(), rows.end(), [&](auto row) { return labels[row] == name; }));
    };
    const auto all = static_cast<double>(std::count(labels.begin(), labels.end(), name));
    EXPECT_NEAR(count(split.test), 0.2 * all, 1) << name;
    EXPECT_NEAR(count(split.validation), 0.1 * all, 1) << name;
  }
}

TEST(SplitRows, refuses_what_cannot_be_split) {
  const Table table = oracle_keys();
  const auto code = [&](SplitOptions options, Strings features = {"subject"}, std::string target = "") {
    const auto split = split_rows(table, features, target, options);
    return split ? Code::kUnknown : split.error().code;
  };
  EXPECT_EQ(code(options_of("hsh")), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("hash", 0)), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("hash", 0.1, 1)), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("hash", 0.5, 0.5)), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("hash", 0.1, std::nan(""))), Code::kInvalidArgument);
  EXPECT_EQ(code({}, {}), Code::kInvalidArgument);
  EXPECT_EQ(code({}, {"nothing"}), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("stratified")), Code::kInvalidArgument);
  EXPECT_EQ(code(options_of("stratified"), {}, "nothing"), Code::kInvalidArgument);
  EXPECT_EQ(split_rows(table.take({0, 1}), {"subject"}, "", {}).error().code, Code::kFailedPrecondition);
  EXPECT_EQ(split_rows(table.take({0, 1}), {"subject"}, "", options_of("random")).error().code,
            Code::kFailedPrecondition);
}

TEST(SplitRows, says_how_a_small_table_can_be_split_when_a_hash_leaves_a_part_empty) {
  Strings texts, labels;
  for (int i = 0; i < 30; ++i)
    texts.push_back(fmt::format("text {}", i)), labels.push_back(i % 2 ? "a" : "b");
  const Table table = Table::of({{"text", texts, {}}, {"label", labels, {}}}).value();
  SplitOptions options = options_of("hash", 0.001, 0.2);
  const auto refused = split_rows(table, {"text"}, "label", options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("30 rows by hash give train "), std::string::npos);
  EXPECT_NE(refused.error().message.find("valid 0, test"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("by: stratified"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(split_rows(table, {"text"}, "label", options_of("stratified")));
}

class NoReader final : public table::TableReader {
 public:
  Result<Table> read(const std::string&, std::string_view) override {
    return unimplemented("no tables here");
  }
  std::string version() const override { return ""; }
};

// What `tests/oracles/data_mail.py sizes` prints; 14 broken mails have another text there, which may move
// them.
TEST(SplitRows, gives_the_corpus_the_parts_that_python_gives_it) {
  const std::string corpus = std::string(AMAS_THIRD_PARTY_DIR) + "/spam-assassin/data";
  if (!fs::exists(corpus)) GTEST_SKIP() << "the corpus is not installed";
  NoReader reader;
  ImportReport imported;
  const auto raw = import_source({corpus + "/*/*.txt", "mail", {{"*ham*/*", "ham"}, {"*spam*/*", "spam"}}},
                                 reader, 2, imported);
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_EQ(raw->rows(), 6046u);
  CleanReport report;
  const auto table = clean(*raw, {"label", {"text"}}, report);
  ASSERT_TRUE(table);
  const auto split = split_rows(*table, {"text"}, "label", {});
  ASSERT_TRUE(split);
  const auto& labels = table->find("label")->strings();
  const auto ham =
      std::count_if(split->test.begin(), split->test.end(), [&](auto row) { return labels[row] == "ham"; });
  EXPECT_EQ(table->rows(), 5919u);
  EXPECT_EQ(report.duplicates, 127u);
  EXPECT_EQ(report.contradictions, 0u);
  EXPECT_NEAR(static_cast<double>(split->test.size()), 1176, 14);
  EXPECT_NEAR(static_cast<double>(ham), 802, 14);
  EXPECT_NEAR(static_cast<double>(split->validation.size()), 590, 14);
  EXPECT_NEAR(static_cast<double>(split->training.size()), 4153, 14);
}

}  // namespace
}  // namespace amas::data
