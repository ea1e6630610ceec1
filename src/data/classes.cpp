#include "data/classes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/limits.h"
#include "base/text.h"

namespace amas::data {
namespace {

// Up to so many, a table may be as small as it likes, and fractions may be grades such as 4.5.
constexpr std::size_t kFewClasses = 20;
constexpr std::size_t kMeanRowsMin = 10;
constexpr std::size_t kClassesShown = 5;
constexpr std::size_t kClassBytesShown = 40;

using ClassCounts = std::map<std::string, std::size_t>;

ClassCounts count_classes(const table::Column& target) {
  ClassCounts counts;
  for (std::size_t row = 0; row < target.size(); ++row) ++counts[target.text(row)];
  return counts;
}

std::string rows_text(std::size_t rows) { return fmt::format("{} row{}", rows, rows == 1 ? "" : "s"); }

// The first few classes with at most `rows_max` rows.
std::string examples(const ClassCounts& counts, std::size_t rows_max) {
  std::string text;
  std::size_t shown = 0;
  for (const auto& [name, rows] : counts) {
    if (rows > rows_max) continue;
    if (shown++ == kClassesShown) return text + ", …";
    const std::string_view cut = cut_utf8(name, kClassBytesShown);
    text += fmt::format("{}\"{}{}\" ({})", text.empty() ? "" : ", ", cut, cut.size() < name.size() ? "…" : "",
                        rows_text(rows));
  }
  return text;
}

std::string examples(const ClassCounts& counts) { return examples(counts, SIZE_MAX); }

bool has_fraction(const table::Column& target) {
  const auto* numbers = std::get_if<std::vector<double>>(&target.cells);
  return numbers != nullptr &&
         std::ranges::any_of(*numbers, [](double number) { return number != std::trunc(number); });
}

// That the target is a name for each row, a text or a quantity, rather than a class.
Status check_kind(const table::Column& target, const ClassCounts& counts) {
  const std::size_t rows = target.size();
  if (counts.size() <= kFewClasses) return {};
  if (has_fraction(target))
    return failed_precondition(fmt::format(
        "the target is a quantity, not a class: column \"{}\" has {} different numbers in {} rows: {}; name "
        "another column with data.target, or write ranges of it as classes (regression is not offered yet)",
        target.name, counts.size(), rows, examples(counts)));
  if (counts.size() > limits::kClassesMax || counts.size() * kMeanRowsMin > rows)
    return failed_precondition(fmt::format(
        "the target has too many classes for its rows: column \"{}\" has {} different values in {} rows: {}; "
        "allowed are {} classes, and {} rows a class on average where there are more than {}; name another "
        "column with data.target, join classes, or add rows (regression is not offered yet)",
        target.name, counts.size(), rows, examples(counts), limits::kClassesMax, kMeanRowsMin, kFewClasses));
  return {};
}

Status check_several(const table::Column& target, const ClassCounts& counts) {
  if (counts.size() > 1) return {};
  return failed_precondition(fmt::format(
      "the target has one class only, so there is nothing to learn: column \"{}\" has one value in all rows: "
      "{}; name another column with data.target, or add rows of other classes",
      target.name, examples(counts)));
}

std::size_t rare_classes(const ClassCounts& counts) {
  return static_cast<std::size_t>(
      std::ranges::count_if(counts, [](const auto& one) { return one.second < kClassRowsMin; }));
}

Status check_rare(const table::Column& target, const ClassCounts& counts) {
  const std::size_t rare = rare_classes(counts);
  if (rare == 0) return {};
  return failed_precondition(fmt::format(
      "{} of {} classes have fewer than {} rows, too few to train, validate and test on: column \"{}\": {}; "
      "add rows, or leave them out with data.clean: {{rare_classes: drop}}",
      rare, counts.size(), kClassRowsMin, target.name, examples(counts, kClassRowsMin - 1)));
}

table::Table without_rare(const table::Table& table, const table::Column& target, const ClassCounts& counts) {
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < table.rows(); ++row)
    if (counts.at(target.text(row)) >= kClassRowsMin) kept.push_back(row);
  return table.take(kept);
}

}  // namespace

Result<table::Table> learnable_classes(table::Table cleaned, const std::string& target, bool drop_rare,
                                       CleanReport& report) {
  AMAS_TRY(const table::Column* column, cleaned.column(target));
  ClassCounts counts = count_classes(*column);
  const std::size_t rare = rare_classes(counts);
  report.rare_classes = 0;
  // Where every class is rare it is the column that is wrong, and the checks say so.
  if (drop_rare && rare > 0 && rare < counts.size()) {
    table::Table kept = without_rare(cleaned, *column, counts);
    report.rare_classes = cleaned.rows() - kept.rows();
    report.rows_after = kept.rows();
    cleaned = std::move(kept);
    AMAS_TRY(column, cleaned.column(target));
    std::erase_if(counts, [](const auto& one) { return one.second < kClassRowsMin; });
  }
  AMAS_CHECK(check_kind(*column, counts));
  AMAS_CHECK(check_several(*column, counts));
  AMAS_CHECK(check_rare(*column, counts));
  return cleaned;
}

Status check_training_classes(const table::Table& table, const std::string& target, const Split& split) {
  AMAS_TRY(const table::Column* column, table.column(target));
  struct Rows {
    std::size_t training = 0, validation = 0, test = 0;
  };
  std::map<std::string, Rows> classes;
  for (const std::size_t row : split.validation) ++classes[column->text(row)].validation;
  for (const std::size_t row : split.test) ++classes[column->text(row)].test;
  for (const std::size_t row : split.training) ++classes[column->text(row)].training;
  for (const auto& [name, rows] : classes)
    if (rows.training == 0)
      return failed_precondition(
          fmt::format("a class has no rows to train on: column \"{}\": \"{}\": train 0, valid {}, test {}; "
                      "divide each class by its share with data.split: {{by: stratified}}, or add rows",
                      column->name, cut_utf8(name, kClassBytesShown), rows.validation, rows.test));
  return {};
}

}  // namespace amas::data
