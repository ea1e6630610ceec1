#include "data/classes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace amas::data {
namespace {

using Strings = std::vector<std::string>;
using table::Table;

// A table whose only column is the target, with so many rows of each value.
Table with_target(const std::vector<std::pair<std::string, int>>& classes) {
  Strings cells;
  for (const auto& [name, rows] : classes) cells.insert(cells.end(), static_cast<std::size_t>(rows), name);
  return Table::of({{"label", std::move(cells), {}}}).value();
}

Table with_numbers(std::size_t rows, std::size_t distinct, double unit) {
  std::vector<double> cells;
  for (std::size_t row = 0; row < rows; ++row) cells.push_back(static_cast<double>(row % distinct) * unit);
  return Table::of({{"price", std::move(cells), {}}}).value();
}

void expect_refused(Table table, const std::string& target, const std::vector<std::string>& words,
                    bool drop_rare = false) {
  CleanReport report;
  const auto refused = learnable_classes(std::move(table), target, drop_rare, report);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  for (const std::string& word : words)
    EXPECT_NE(refused.error().message.find(word), std::string::npos)
        << word << " in " << refused.error().message;
}

TEST(LearnableClasses, takes_a_few_classes_of_any_type_as_they_are) {
  CleanReport report;
  EXPECT_EQ(learnable_classes(with_target({{"ham", 3}, {"spam", 9}}), "label", false, report)->rows(), 12u);
  EXPECT_EQ(learnable_classes(with_numbers(60, 20, 0.5), "price", false, report)->rows(), 60u) << "grades";
  EXPECT_EQ(learnable_classes(with_numbers(1'000, 100, 1), "price", false, report)->rows(), 1'000u);
  EXPECT_EQ(report.rare_classes, 0u);
}

TEST(LearnableClasses, refuses_a_target_that_names_each_row) {
  std::vector<std::pair<std::string, int>> ids;
  for (int i = 0; i < 300; ++i) ids.emplace_back(fmt::format("id-{:03}", i), 1);
  for (const bool drop : {false, true})
    expect_refused(with_target(ids), "label",
                   {"column \"label\"", "300 different values in 300 rows", "\"id-000\" (1 row)", "…",
                    "data.target", "regression is not offered yet"},
                   drop);
}

TEST(LearnableClasses, refuses_hundreds_of_classes_with_few_rows_each) {
  std::vector<std::pair<std::string, int>> classes;
  for (int i = 0; i < 200; ++i) classes.emplace_back(fmt::format("c{}", i), 9);
  expect_refused(with_target(classes), "label", {"200 different values in 1800 rows", "too many classes"});
  for (auto& one : classes) one.second = 10;
  CleanReport report;
  EXPECT_TRUE(learnable_classes(with_target(classes), "label", false, report));
}

TEST(LearnableClasses, refuses_a_quantity_however_many_rows_it_has) {
  expect_refused(with_numbers(10'000, 50, 0.25), "price",
                 {"a quantity, not a class", "column \"price\"", "50 different numbers in 10000 rows",
                  "regression is not offered yet"});
  expect_refused(with_numbers(30'000, 1'001, 1), "price", {"allowed are 1000 classes"});
}

TEST(LearnableClasses, refuses_one_class) {
  expect_refused(with_target({{"ham", 100}}), "label",
                 {"one class only", "column \"label\"", "\"ham\" (100 rows)", "data.target"});
}

TEST(LearnableClasses, refuses_rare_classes_or_drops_them_when_asked) {
  const std::vector<std::pair<std::string, int>> classes{{"a", 40}, {"b", 40}, {"lonely", 1}, {"pair", 2}};
  expect_refused(with_target(classes), "label",
                 {"2 of 4 classes", "\"lonely\" (1 row), \"pair\" (2 rows);", "rare_classes: drop"});
  CleanReport report;
  const auto kept = learnable_classes(with_target(classes), "label", true, report);
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_EQ(kept->rows(), 80u);
  EXPECT_EQ(report.rows_after, 80u);
  EXPECT_EQ(report.rare_classes, 3u);
  expect_refused(with_target({{"a", 40}, {"lonely", 1}}), "label", {"one class only"}, true);
}

TEST(LearnableClasses, cuts_long_values) {
  expect_refused(with_target({{std::string(5'000, 'x'), 50}}), "label",
                 {std::string(40, 'x') + "…\" (50 rows)"});
  CleanReport report;
  EXPECT_EQ(learnable_classes(with_target({{"a", 9}}), "lable", false, report).error().code,
            Code::kInvalidArgument);
}

TEST(TrainingClasses, misses_a_class_without_training_rows) {
  const Table table = with_target({{"a", 3}, {"b", 3}});
  EXPECT_TRUE(check_training_classes(table, "label", {{0, 3}, {1, 4}, {2, 5}}));
  const auto missed = check_training_classes(table, "label", {{0, 1, 2}, {3}, {4, 5}});
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, Code::kFailedPrecondition);
  EXPECT_NE(missed.error().message.find("\"b\": train 0, valid 1, test 2"), std::string::npos);
  EXPECT_NE(missed.error().message.find("by: stratified"), std::string::npos);
}

}  // namespace
}  // namespace amas::data
