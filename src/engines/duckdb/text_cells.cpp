#include "engines/duckdb/text_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace amas::engines::duckdb {
namespace {

std::optional<bool> as_bool(std::string_view cell) {
  for (const std::string_view word : {"true", "True", "TRUE"})
    if (cell == word) return true;
  for (const std::string_view word : {"false", "False", "FALSE"})
    if (cell == word) return false;
  return std::nullopt;
}

std::optional<std::int64_t> as_int64(std::string_view cell) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

std::optional<double> as_double(std::string_view cell) {
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether the digits would not come back when the number is written: 007 is a name, not a number; -0 would
// lose its sign as a whole number.
bool is_padded(std::string_view cell) {
  const bool negative = cell.starts_with('-');
  if (negative) cell.remove_prefix(1);
  return cell.starts_with('0') && cell.size() > 1 && is_digit(cell[1]);
}

// Words such as "nan" and "infinity" are not numbers here.
bool has_number_shape(std::string_view cell) {
  if (cell.starts_with('-')) cell.remove_prefix(1);
  return !cell.empty() && (is_digit(cell[0]) || (cell[0] == '.' && cell.size() > 1 && is_digit(cell[1])));
}

bool only_digits(std::string_view cell) {
  if (cell.starts_with('-')) cell.remove_prefix(1);
  return std::all_of(cell.begin(), cell.end(), is_digit);
}

}  // namespace

void TypeInference::add(std::string_view cell) {
  if (seen_ && !bools_ && !numbers_) return;
  cell = trim(cell);
  seen_ = true;
  bools_ = bools_ && as_bool(cell).has_value();
  if (!numbers_) return;
  if (!has_number_shape(cell) || is_padded(cell)) {
    numbers_ = false;
  } else if (only_digits(cell)) {
    // Beyond int64 a number of digits only is an identifier, which a double would change.
    if (!as_int64(cell)) numbers_ = false;
    else if (cell == "-0") whole_ = false;
  } else {
    whole_ = false;
    numbers_ = as_double(cell).has_value();
  }
}

table::ColumnType TypeInference::type() const {
  if (!seen_) return table::ColumnType::kString;
  if (bools_) return table::ColumnType::kBool;
  if (!numbers_) return table::ColumnType::kString;
  return whole_ ? table::ColumnType::kInt64 : table::ColumnType::kFloat64;
}

Status append_cells(table::Column& column, const Vector& vector) {
  const std::size_t before = column.size();
  Status status;
  const auto fill = [&](auto& cells, const auto& convert) {
    for (std::size_t row = 0; row < vector.rows; ++row) {
      auto& cell = cells.emplace_back();
      if (!vector.has(row)) continue;
      const auto value = convert(vector.text(row));
      if (value) cell = *value;
      else if (status) status = data_loss("the file changed while it was read; read it again");
    }
  };
  if (auto* strings = std::get_if<std::vector<std::string>>(&column.cells)) {
    fill(*strings, [](std::string_view cell) { return std::optional(cell); });
    for (std::size_t row = before; row < strings->size(); ++row)
      if ((*strings)[row].size() > limits::kTextBytesMax)
        return resource_exhausted(
            fmt::format("row {}: text is larger than allowed: column \"{}\": {} > {} bytes", row + 1,
                        column.name, (*strings)[row].size(), limits::kTextBytesMax));
  } else if (auto* doubles = std::get_if<std::vector<double>>(&column.cells)) {
    fill(*doubles, [](std::string_view cell) { return as_double(trim(cell)); });
  } else if (auto* whole = std::get_if<std::vector<std::int64_t>>(&column.cells)) {
    fill(*whole, [](std::string_view cell) { return as_int64(trim(cell)); });
  } else {
    fill(std::get<std::vector<std::uint8_t>>(column.cells),
         [](std::string_view cell) { return as_bool(trim(cell)); });
  }
  return status;
}

void append_missing(table::Column& column, const Vector& vector) {
  const std::size_t before = column.size();
  for (std::size_t row = 0; row < vector.rows; ++row) {
    if (vector.has(row)) continue;
    column.missing.resize(before + vector.rows);
    column.missing[before + row] = 1;
  }
  if (!column.missing.empty()) column.missing.resize(before + vector.rows);
}

Status check_rows(std::size_t rows) {
  if (rows <= limits::kTableRowsMax) return {};
  return resource_exhausted(fmt::format("the file has more rows than allowed: {}", limits::kTableRowsMax));
}

Status check_columns(std::size_t columns) {
  if (columns <= limits::kTableColumnsMax) return {};
  return resource_exhausted(
      fmt::format("the file has more columns than allowed: {}", limits::kTableColumnsMax));
}

table::Column empty_column(std::string name, table::ColumnType type) {
  table::Column column{std::move(name), {}, {}};
  switch (type) {
    case table::ColumnType::kBool:
      column.cells.emplace<0>();
      break;
    case table::ColumnType::kInt64:
      column.cells.emplace<1>();
      break;
    case table::ColumnType::kFloat64:
      column.cells.emplace<2>();
      break;
    case table::ColumnType::kString:
      column.cells.emplace<3>();
      break;
  }
  return column;
}

}  // namespace amas::engines::duckdb
