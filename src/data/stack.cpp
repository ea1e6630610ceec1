#include "data/stack.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"

namespace amas::data {
namespace {

using table::Column;
using table::ColumnType;

bool all_missing(const Column& column) {
  return !column.missing.empty() &&
         std::all_of(column.missing.begin(), column.missing.end(), [](auto m) { return m != 0; });
}

bool is_number(const Column& column) {
  return column.type() == ColumnType::kInt64 || column.type() == ColumnType::kFloat64;
}

void make_float64(Column& column) {
  if (column.type() != ColumnType::kInt64) return;
  const auto& whole = std::get<std::vector<std::int64_t>>(column.cells);
  std::vector<double> cells(whole.size());
  std::transform(whole.begin(), whole.end(), cells.begin(), [](auto v) { return static_cast<double>(v); });
  column.cells = std::move(cells);
}

void make_all_missing(Column& column, const Column& like) {
  const std::size_t rows = column.size();
  std::visit([&](const auto& cells) { column.cells = std::decay_t<decltype(cells)>(rows); }, like.cells);
}

Status type_agrees(const Column& column, const Column& other) {
  if (column.type() == other.type() || (is_number(column) && is_number(other)) || all_missing(column) ||
      all_missing(other))
    return {};
  return invalid_argument(fmt::format("files differ in the type of a column: \"{}\" is {} here and {} before",
                                      column.name, table::column_type_name(other.type()),
                                      table::column_type_name(column.type())));
}

// From here on both columns have one type.
Status unify(Column& column, Column& other) {
  AMAS_CHECK(type_agrees(column, other));
  if (column.type() == other.type()) return {};
  if (all_missing(other)) make_all_missing(other, column);
  else if (all_missing(column)) make_all_missing(column, other);
  else make_float64(column), make_float64(other);
  return {};
}

Status append(Column& column, Column other) {
  AMAS_CHECK(unify(column, other));
  const std::size_t rows = column.size();
  if (!column.missing.empty() || !other.missing.empty()) {
    column.missing.resize(rows);
    other.missing.resize(other.size());
    column.missing.insert(column.missing.end(), other.missing.begin(), other.missing.end());
  }
  std::visit(
      [&](auto& cells) {
        auto& more = std::get<std::decay_t<decltype(cells)>>(other.cells);
        cells.insert(cells.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      },
      column.cells);
  return {};
}

}  // namespace

Status columns_agree(const table::Table& first, const table::Table& other) {
  const std::size_t count = std::max(first.columns().size(), other.columns().size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = [&](const table::Table& table) {
      return i < table.columns().size() ? fmt::format("\"{}\"", table.columns()[i].name) : "missing";
    };
    if (name(first) != name(other))
      return invalid_argument(fmt::format("files differ in their columns: column {} is {} here and {} before",
                                          i + 1, name(other), name(first)));
    AMAS_CHECK(type_agrees(first.columns()[i], other.columns()[i]));
  }
  return {};
}

Result<table::Table> stacked(std::vector<table::Table> tables) {
  std::size_t rows = 0;
  for (const auto& table : tables) rows += table.rows();
  if (rows > limits::kTableRowsMax)
    return resource_exhausted(
        fmt::format("the source has more rows than allowed: {} > {}", rows, limits::kTableRowsMax));
  if (tables.size() == 1) return std::move(tables.front());
  std::vector<Column> columns = tables.front().columns();
  for (std::size_t i = 1; i < tables.size(); ++i)
    for (std::size_t c = 0; c < columns.size(); ++c) AMAS_CHECK(append(columns[c], tables[i].columns()[c]));
  return table::Table::of(std::move(columns));
}

}  // namespace amas::data
