#include "data/clean.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "crypto/digest.h"

namespace amas::data {
namespace {

constexpr std::size_t kSamples = 5;
constexpr char kUnitSeparator = '\x1f';

/// Rows with one key.
struct Group {
  std::size_t first_row = 0;
  std::size_t rows = 0;
  std::vector<std::string> targets;  ///< distinct ones
};

using Groups = std::unordered_map<std::string, Group>;

Result<std::vector<const table::Column*>> columns_of(const table::Table& table,
                                                     const std::vector<std::string>& names) {
  std::vector<const table::Column*> columns;
  for (const std::string& name : names) {
    AMAS_TRY(const table::Column* column, table.column(name));
    columns.push_back(column);
  }
  return columns;
}

bool is_blank(const table::Table& table, const std::vector<const table::Column*>& features, std::size_t row) {
  if (features.empty()) return table.columns().empty();
  return std::all_of(features.begin(), features.end(), [&](const table::Column* column) {
    return column->is_missing(row) ||
           (column->type() == table::ColumnType::kString && trim(column->strings()[row]).empty());
  });
}

void note(Group& group, std::size_t row, const table::Column* target) {
  if (group.rows++ == 0) group.first_row = row;
  if (target == nullptr) return;
  std::string value = target->text(row);
  if (std::find(group.targets.begin(), group.targets.end(), value) == group.targets.end())
    group.targets.push_back(std::move(value));
}

// Rows that have a target and features, by key, and the same rows in order with their groups.
struct Grouped {
  Groups groups;
  std::vector<std::pair<std::size_t, const Groups::value_type*>> rows;
};

Grouped group_rows(const table::Table& raw, const std::vector<const table::Column*>& features,
                   const table::Column* target, CleanReport& report) {
  Grouped grouped;
  for (std::size_t row = 0; row < raw.rows(); ++row) {
    if (target != nullptr && target->is_missing(row)) {
      ++report.missing_target;
    } else if (is_blank(raw, features, row)) {
      ++report.empty;
    } else {
      auto& entry = *grouped.groups.try_emplace(row_key(features, row)).first;
      note(entry.second, row, target);
      grouped.rows.emplace_back(row, &entry);
    }
  }
  return grouped;
}

void add_sample(CleanReport& report, const std::string& key, const Group& group) {
  if (report.contradiction_samples.size() >= kSamples) return;
  report.contradiction_samples.push_back(
      fmt::format("{}: {}", crypto::sha1_hex(key), fmt::join(group.targets, ", ")));
}

}  // namespace

std::string row_key(const std::vector<const table::Column*>& features, std::size_t row) {
  std::string key;
  for (std::size_t i = 0; i < features.size(); ++i) {
    if (i > 0) key += kUnitSeparator;
    if (features[i]->type() != table::ColumnType::kString) key += features[i]->text(row);
    else if (!features[i]->is_missing(row)) key += features[i]->strings()[row];
  }
  return key;
}

std::string dropped_text(const CleanReport& report) {
  std::string text;
  const auto add = [&](std::uint64_t count, std::string_view one, std::string_view more) {
    if (count > 0)
      text += fmt::format("{}{} {}", text.empty() ? "dropped " : ", ", count, count == 1 ? one : more);
  };
  add(report.duplicates, "duplicate", "duplicates");
  add(report.contradictions, "contradiction", "contradictions");
  add(report.empty, "empty text", "empty texts");
  add(report.missing_target, "row without target", "rows without target");
  add(report.rare_classes, "row of a rare class", "rows of rare classes");
  return text.empty() ? "nothing dropped" : text;
}

Result<table::Table> clean(const table::Table& raw, const CleanOptions& options, CleanReport& report) {
  report = {};
  report.rows_before = raw.rows();
  AMAS_TRY(const auto features, columns_of(raw, options.features));
  const table::Column* target = nullptr;
  if (!options.target.empty()) {
    AMAS_TRY(target, raw.column(options.target));
  }
  const Grouped grouped = group_rows(raw, features, target, report);
  std::vector<std::size_t> kept;
  for (const auto& [row, entry] : grouped.rows) {
    const auto& [key, group] = *entry;
    if (group.targets.size() > 1) {
      ++report.contradictions;
      if (group.first_row == row) add_sample(report, key, group);
    } else if (options.drop_duplicates && group.first_row != row) {
      ++report.duplicates;
    } else {
      kept.push_back(row);
    }
  }
  report.rows_after = kept.size();
  if (kept.empty())
    return failed_precondition(fmt::format(
        "no row is left after cleaning: {} rows, {}; check data.target ({}) and data.features ({})",
        report.rows_before, dropped_text(report), options.target.empty() ? "none" : options.target,
        fmt::join(options.features, ", ")));
  return raw.take(kept);
}

}  // namespace amas::data
