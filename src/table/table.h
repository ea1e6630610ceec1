#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::table {

/// What the cells of a column are.
enum class ColumnType : std::uint8_t { kBool, kInt64, kFloat64, kString };

/// "bool", "int64", "float64", "string".
std::string_view column_type_name(ColumnType type);

/// The column type with that name.
///
/// Errors: kInvalidArgument listing the known names.
Result<ColumnType> column_type_from_name(std::string_view name);

/// One typed column. Cell i of every column of a table belongs to row i.
struct Column {
  std::string name;
  /// The cells; where `missing` is set the cell is a zero value and means nothing.
  std::variant<std::vector<std::uint8_t>, std::vector<std::int64_t>, std::vector<double>,
               std::vector<std::string>>
      cells;
  /// 1 where the cell is missing; empty when none is.
  std::vector<std::uint8_t> missing;

  /// What the cells are (bool is held in std::uint8_t).
  ColumnType type() const { return static_cast<ColumnType>(cells.index()); }
  /// How many cells there are.
  std::size_t size() const;
  /// Whether cell `row` is missing.
  bool is_missing(std::size_t row) const { return !missing.empty() && missing[row] != 0; }
  /// The cells as strings; only for kString.
  const std::vector<std::string>& strings() const { return std::get<3>(cells); }
  /// The same, to write.
  std::vector<std::string>& strings() { return std::get<3>(cells); }
  /// Cell `row` as text: the shortest digits that read back the same, "true"/"false", the string; "" when
  /// missing.
  std::string text(std::size_t row) const;
};

/// Name and type of one column.
struct ColumnSchema {
  std::string name;
  ColumnType type = ColumnType::kString;
};

/// Named columns of equal length.
class Table {
 public:
  Table() = default;
  /// Errors: kInvalidArgument when lengths differ, a name is empty or stands twice, or there are too many
  /// columns.
  static Result<Table> of(std::vector<Column> columns);

  /// How many rows it has.
  std::size_t rows() const { return columns_.empty() ? 0 : columns_[0].size(); }
  /// Its columns in order.
  const std::vector<Column>& columns() const { return columns_; }
  /// Names and types in order.
  std::vector<ColumnSchema> schema() const;
  /// The column with this name; null when there is none.
  const Column* find(std::string_view name) const;
  /// The column with this name.
  ///
  /// Errors: kInvalidArgument naming the nearest column and listing all.
  Result<const Column*> column(std::string_view name) const;
  /// The rows with these indices, in this order.
  Table take(const std::vector<std::size_t>& rows) const;

 private:
  std::vector<Column> columns_;
};

/// Lets outside readers (files of some format) give a Table. Implementations are registered in the mains.
class TableReader {
 public:
  virtual ~TableReader() = default;
  /// Reads a file. `format`: "csv", "jsonl" or "parquet".
  ///
  /// Errors: kNotFound; kInvalidArgument with file and line where it is malformed (ragged, wrong encoding,
  /// empty);
  ///         kResourceExhausted beyond limits::kTableRowsMax or kTableColumnsMax.
  virtual Result<Table> read(const std::string& path, std::string_view format) = 0;
  /// Name and version of the library behind it, for `amas --version`.
  virtual std::string version() const = 0;
};

}  // namespace amas::table
