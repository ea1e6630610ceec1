#pragma once

#include <string>
#include <string_view>

#include "engines/duckdb/duckdb_session.h"
#include "table/table.h"

namespace amas::engines::duckdb {

/// Finds the narrowest type that all cells of a text column have.
class TypeInference {
 public:
  /// Looks at one more cell; empty ones say nothing.
  void add(std::string_view cell);
  /// bool, int64, float64 or string; string when no cell was seen.
  table::ColumnType type() const;

 private:
  bool seen_ = false;
  bool bools_ = true;
  bool whole_ = true;
  bool numbers_ = true;
};

/// Appends the cells of a VARCHAR vector to a column of the type that TypeInference found for them.
///
/// Errors: kResourceExhausted for a string beyond limits::kTextBytesMax; kDataLoss when a cell is not of that
/// type, so
///         that the file must have changed in between.
Status append_cells(table::Column& column, const Vector& vector);

/// Appends which cells of a vector are missing, before they are themselves appended to `column`.
void append_missing(table::Column& column, const Vector& vector);

/// Errors: kResourceExhausted when a table of `rows` rows is larger than allowed.
Status check_rows(std::size_t rows);
/// The same for its columns.
Status check_columns(std::size_t columns);

/// A column without cells.
table::Column empty_column(std::string name, table::ColumnType type);

}  // namespace amas::engines::duckdb
