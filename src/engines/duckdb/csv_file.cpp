#include "engines/duckdb/csv_file.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "engines/duckdb/csv_dialect.h"
#include "engines/duckdb/csv_lines.h"
#include "engines/duckdb/duckdb_session.h"
#include "engines/duckdb/text_cells.h"

namespace amas::engines::duckdb {
namespace {

using table::Column;

constexpr std::size_t kSampleBytes = 1u << 20;
// Above limits::kTextBytesMax, so that one text within it fits a line.
constexpr std::size_t kLineBytesMax = 8u << 20;

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view words) {
  const auto at = text.find(words);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t number = 0;
  const char* begin = text.data() + at + words.size();
  const auto parsed = std::from_chars(begin, text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

std::string_view delimiter_name(char delimiter) {
  return delimiter == ','   ? "a comma"
         : delimiter == ';' ? "a semicolon"
         : delimiter == '|' ? "a bar"
                            : "a tab";
}

/// A CSV file as DuckDB can read it.
struct CsvFile {
  fs::path path;
  CsvDialect dialect;
  std::unique_ptr<TemporaryFolder> copy_folder;  ///< where `path` lies when it is a copy
};

// DuckDB's message without the row itself, which it quotes: a message may be logged, rows must not.
Error csv_error(const Error& theirs, const CsvFile& file) {
  if (theirs.code != Code::kInvalidArgument) return theirs;
  const std::string_view text = theirs.message;
  std::string reason;
  if (const auto expected = number_after(text, "Expected Number of Columns: ")) {
    const std::uint64_t found = number_after(text, " Found: ").value_or(0);
    reason = fmt::format(
        "the row has {} cell{}, the header {}; mend it, or quote cells that hold the delimiter ({})", found,
        found == 1 ? "" : "s", *expected, delimiter_name(file.dialect.delimiter));
  } else if (text.find("utf-8 encoded") != std::string_view::npos) {
    reason = "the text is not UTF-8; save it as UTF-8";
  } else if (text.find("unterminated quote") != std::string_view::npos) {
    reason = "a quote is not closed, or text follows a closed one; double the quotes within a cell";
  } else if (text.find("Maximum line size") != std::string_view::npos) {
    reason = fmt::format("the row is larger than allowed: {} bytes", kLineBytesMax);
  } else if (text.find("invalid state") != std::string_view::npos) {
    reason = "quotes are out of order; save it as RFC 4180 says";
  } else {
    reason = "the text is not CSV; save it as RFC 4180 says";
  }
  const auto row = number_after(text, "CSV Error on Line: ");
  if (!row) return invalid_argument(reason);
  const auto line = line_of_row(file.path, file.dialect, *row);
  return line ? invalid_argument(fmt::format("line {}: {}", *line, reason)) : line.error();
}

Result<std::string> read_sample(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_error("cannot open file", path);
  std::string sample(kSampleBytes, '\0');
  file.read(sample.data(), static_cast<std::streamsize>(sample.size()));
  if (file.bad()) return errno_error("cannot read file", path);
  sample.resize(static_cast<std::size_t>(file.gcount()));
  return sample;
}

std::string csv_query(const CsvFile& file) {
  const auto& [path, dialect, folder] = file;
  std::string columns;
  for (std::size_t i = 0; i < dialect.names.size(); ++i)
    columns += fmt::format("{}'c{}': 'VARCHAR'", i == 0 ? "" : ", ", i);
  const std::string quote = sql_string({&dialect.quote, 1});
  return fmt::format(
      "SELECT * FROM read_csv({}, auto_detect=false, header=true, skip={}, strict_mode=true, "
      "null_padding=false, "
      "ignore_errors=false, nullstr='', compression='none', max_line_size={}, buffer_size={}, delim={}, "
      "quote={}, "
      "escape={}, columns={{{}}})",
      sql_string(path.string()), dialect.lines_before, kLineBytesMax, 4 * kLineBytesMax,
      sql_string({&dialect.delimiter, 1}), quote, quote, columns);
}

// Finds how the file is written. One whose rows end in different ways is read from a copy.
Result<CsvFile> open_csv(const fs::path& path) {
  AMAS_TRY(const std::string sample, read_sample(path));
  CsvFile file{path, {}, nullptr};
  AMAS_TRY(file.dialect, csv_dialect(sample, sample.size() < kSampleBytes));
  AMAS_CHECK(check_columns(file.dialect.names.size()));
  AMAS_TRY(const CsvLines lines, look_at_lines(path, file.dialect));
  if (!lines.mixed_ends) return file;
  try {
    file.copy_folder = std::make_unique<TemporaryFolder>();
  } catch (const fs::filesystem_error& error) {
    return unavailable(fmt::format(
        "the rows end in different ways, and there is no place for a copy that does not: {}; save "
        "the file with equal line ends, or set TMPDIR",
        error.code().message()));
  }
  file.path = file.copy_folder->path() / "copy.csv";
  AMAS_CHECK(copy_with_line_feeds(path, file.dialect, file.path));
  return file;
}

}  // namespace

// Read twice: the cells first tell the types of their columns, then fill them. All as text in memory would
// take five times what the numbers take.
Result<table::Table> read_csv(const Api& api, const fs::path& path) {
  AMAS_TRY(const CsvFile file, open_csv(path));
  const std::string sql = csv_query(file);
  AMAS_TRY(Session session, Session::open(api, file.path));
  std::vector<TypeInference> types(file.dialect.names.size());
  std::size_t rows = 0;
  const auto looked = session.run(sql, [&](std::span<const Vector> chunk) -> Status {
    rows += chunk[0].rows;
    for (std::size_t i = 0; i < chunk.size(); ++i)
      for (std::size_t row = 0; row < chunk[i].rows; ++row)
        if (chunk[i].has(row)) types[i].add(chunk[i].text(row));
    return check_rows(rows);
  });
  if (!looked) return csv_error(looked.error(), file);
  std::vector<Column> columns;
  for (std::size_t i = 0; i < types.size(); ++i) {
    columns.push_back(empty_column(file.dialect.names[i], types[i].type()));
    std::visit([&](auto& cells) { cells.reserve(rows); }, columns.back().cells);
  }
  const auto read = session.run(sql, [&](std::span<const Vector> chunk) -> Status {
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      append_missing(columns[i], chunk[i]);
      AMAS_CHECK(append_cells(columns[i], chunk[i]));
    }
    return {};
  });
  if (!read) return csv_error(read.error(), file);
  return table::Table::of(std::move(columns));
}

}  // namespace amas::engines::duckdb
