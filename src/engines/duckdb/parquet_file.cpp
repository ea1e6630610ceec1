#include "engines/duckdb/parquet_file.h"

#include <fmt/format.h>

#include <cmath>

#include "base/limits.h"
#include "engines/duckdb/duckdb_session.h"
#include "engines/duckdb/text_cells.h"

namespace amas::engines::duckdb {
namespace {

using table::Column;
using table::ColumnType;

struct ParquetColumn {
  std::string name;
  std::string type;
};

Result<std::vector<ParquetColumn>> parquet_columns(Session& session, const std::string& from) {
  std::vector<ParquetColumn> columns;
  AMAS_CHECK(session.run("DESCRIBE " + from, [&](std::span<const Vector> chunk) -> Status {
    for (std::size_t row = 0; row < chunk[0].rows; ++row)
      columns.push_back({std::string(chunk[0].text(row)), std::string(chunk[1].text(row))});
    return {};
  }));
  return columns;
}

// What a Parquet column becomes here, and as what DuckDB is asked for it.
std::pair<ColumnType, std::string_view> target_of(std::string_view type) {
  for (const std::string_view whole :
       {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})
    if (type == whole) return {ColumnType::kInt64, "BIGINT"};
  for (const std::string_view number : {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"})
    if (type == number) return {ColumnType::kFloat64, "DOUBLE"};
  if (type.starts_with("DECIMAL")) return {ColumnType::kFloat64, "DOUBLE"};
  if (type == "BOOLEAN") return {ColumnType::kBool, "BOOLEAN"};
  return {ColumnType::kString, "VARCHAR"};
}

template <class Cell>
void append_numbers(std::vector<Cell>& cells, const Vector& vector) {
  const Cell* data = static_cast<const Cell*>(vector.data);
  const std::size_t before = cells.size();
  cells.insert(cells.end(), data, data + vector.rows);
  for (std::size_t row = 0; vector.validity != nullptr && row < vector.rows; ++row)
    if (!vector.has(row)) cells[before + row] = Cell{};
}

// Tools that have no missing numbers write not-a-number for them.
void make_nan_missing(Column& column) {
  auto* cells = std::get_if<std::vector<double>>(&column.cells);
  if (cells == nullptr) return;
  for (std::size_t row = 0; row < cells->size(); ++row) {
    if (!std::isnan((*cells)[row])) continue;
    column.missing.resize(cells->size());
    column.missing[row] = 1;
    (*cells)[row] = 0;
  }
}

// DuckDB's message may quote cells and names the file once more: only what it says is used.
Error parquet_error(const Error& theirs) {
  if (theirs.code != Code::kInvalidArgument) return theirs;
  const auto says = [&](std::string_view words) { return theirs.message.find(words) != std::string::npos; };
  if (says("No magic bytes") || says("too small to be a Parquet file"))
    return invalid_argument(
        "the file is no Parquet file, or its end is missing; check its format, or write it again");
  if (says("Invalid string encoding") || says("valid UTF8"))
    return invalid_argument("a text in the Parquet file is not UTF-8; write it again with texts in UTF-8");
  if (says("encrypted"))
    return invalid_argument("the Parquet file is encrypted; write it again without a key");
  return invalid_argument("the Parquet file is damaged, or of a kind that cannot be read; write it again");
}

Status append_typed(Column& column, const Vector& vector) {
  append_missing(column, vector);
  if (column.type() == ColumnType::kString) return append_cells(column, vector);
  std::visit(
      [&](auto& cells) {
        if constexpr (std::is_arithmetic_v<typename std::decay_t<decltype(cells)>::value_type>)
          append_numbers(cells, vector);
      },
      column.cells);
  return {};
}

}  // namespace

Result<table::Table> read_parquet(const Api& api, const fs::path& path) {
  const std::string from = fmt::format(
      "SELECT * FROM read_parquet({}, binary_as_string=true, "
      "hive_partitioning=false)",
      sql_string(path.string()));
  AMAS_TRY(Session session, Session::open(api, path));
  const auto theirs = parquet_columns(session, from);
  if (!theirs) return parquet_error(theirs.error());
  AMAS_CHECK(check_columns(theirs->size()));
  std::vector<Column> columns;
  std::string projection;
  for (const ParquetColumn& column : *theirs) {
    const auto [type, as] = target_of(column.type);
    projection += fmt::format("{}CAST({} AS {})", columns.empty() ? "" : ", ", sql_name(column.name), as);
    columns.push_back(empty_column(column.name, type));
  }
  const auto append = [&](std::span<const Vector> chunk) -> Status {
    for (std::size_t i = 0; i < chunk.size(); ++i) AMAS_CHECK(append_typed(columns[i], chunk[i]));
    return check_rows(columns[0].size());
  };
  const auto read = session.run(fmt::format("SELECT {} FROM ({})", projection, from), append);
  if (!read) return parquet_error(read.error());
  for (Column& column : columns) make_nan_missing(column);
  return table::Table::of(std::move(columns));
}

}  // namespace amas::engines::duckdb
