#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::engines::duckdb {

/// How a CSV file is written.
struct CsvDialect {
  char delimiter = ',';
  char quote = '"';
  std::size_t lines_before = 0;    ///< blank lines before the header
  std::vector<std::string> names;  ///< of the columns, from the header line, white space around them removed
};

/// Finds the dialect in the beginning of a file: the quote that encloses cells, and the delimiter that the
/// first rows have equally often; where none is consistent, the one that the header has most.
///
/// `whole`: whether `sample` is the whole file.
/// Errors: kInvalidArgument when it is empty, UTF-16, or its header does not end within the sample. Whether
/// the whole file is text, look_at_lines() tells.
Result<CsvDialect> csv_dialect(std::string_view sample, bool whole);

}  // namespace amas::engines::duckdb
