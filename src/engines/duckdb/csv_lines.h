#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "engines/duckdb/csv_dialect.h"

namespace amas::engines::duckdb {

/// What one look at every byte of a CSV file tells about its lines.
struct CsvLines {
  /// Whether some rows end with a line feed and others with a carriage return before it. DuckDB reads files
  /// of one kind only.
  bool mixed_ends = false;
};

/// Looks through a file: is it text, and how do its rows end?
///
/// Errors: kInvalidArgument with the line and the offset of the byte: not UTF-8, a NUL byte; with the line: a
/// carriage return alone, outside of quotes, where other rows end with a line feed. Those of reading a file.
Result<CsvLines> look_at_lines(const fs::path& path, const CsvDialect& dialect);

/// Writes a copy in which every row ends with a line feed; line ends within quotes stay as they are.
///
/// Errors: those of reading and writing files.
Status copy_with_line_feeds(const fs::path& path, const CsvDialect& dialect, const fs::path& copy);

/// The line of the file, from 1, on which a row begins: rows have as many lines as there are in their quotes.
///
/// `row`: from 1, the header and blank lines among them, as DuckDB counts. Returns `row` itself when the file
/// ends before. Errors: those of reading a file.
Result<std::uint64_t> line_of_row(const fs::path& path, const CsvDialect& dialect, std::uint64_t row);

}  // namespace amas::engines::duckdb
