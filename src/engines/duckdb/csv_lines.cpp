#include "engines/duckdb/csv_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <optional>

#include "base/text.h"

namespace amas::engines::duckdb {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
// A UTF-8 sequence that a piece cuts has at most three bytes in it.
constexpr std::size_t kCutBytesMax = 3;

/// Follows quotes and line ends through a file that is given piece by piece.
class CsvWalk {
 public:
  explicit CsvWalk(const CsvDialect& dialect) : delimiter_(dialect.delimiter), quote_(dialect.quote) {}

  /// Appends all that is taken to `copy`, with a line feed at the end of each row.
  void copy_to(std::string& copy) { copy_ = &copy; }
  /// Notes where this row begins.
  void find_row(std::uint64_t row) { wanted_row_ = row; }

  void take(std::string_view piece) {
    for (const char c : piece) step(c);
  }
  /// The file ends here.
  void end() {
    if (return_waits_) end_line(false);
  }

  std::uint64_t line() const { return line_; }
  std::uint64_t line_of_wanted() const { return wanted_row_ == 1 ? 1 : wanted_line_; }
  bool has_line_feeds() const { return line_feeds_; }
  bool has_both() const { return both_; }
  std::uint64_t first_return_line() const { return first_return_line_; }

 private:
  void step(char c) {
    if (return_waits_) {
      end_line(c == '\n');
      if (c == '\n') return;
    }
    if (c == '\r') return_waits_ = true;
    else if (c == '\n') end_line(std::nullopt);
    else take_cell(c);
  }

  void take_cell(char c) {
    if (copy_ != nullptr) *copy_ += c;
    if (quoted_) {
      if (c == quote_) quoted_ = false, quote_closed_ = true;
    } else if (c == quote_ && (cell_begins_ || quote_closed_)) {
      quoted_ = true;
      cell_begins_ = quote_closed_ = false;
    } else {
      cell_begins_ = c == delimiter_ || (cell_begins_ && (c == ' ' || is_mark(c)));
      quote_closed_ = false;
    }
  }

  // A byte order mark before the first cell.
  bool is_mark(char c) const { return row_ == 1 && (c == '\xEF' || c == '\xBB' || c == '\xBF'); }

  // `feed_follows`: of a carriage return; nothing for a line feed alone.
  void end_line(std::optional<bool> feed_follows) {
    return_waits_ = false;
    const bool alone = feed_follows == false;
    if (copy_ != nullptr) *copy_ += !quoted_ ? "\n" : alone ? "\r" : feed_follows ? "\r\n" : "\n";
    if (!quoted_) end_row(alone, feed_follows.has_value());
    ++line_;
    if (!quoted_ && row_ == wanted_row_) wanted_line_ = line_;
  }

  void end_row(bool return_alone, bool begins_with_return) {
    ++row_;
    cell_begins_ = true;
    quote_closed_ = false;
    if (return_alone) {
      if (first_return_line_ == 0) first_return_line_ = line_;
    } else if (begins_with_return) both_ = true;
    else line_feeds_ = true;
  }

  const char delimiter_;
  const char quote_;
  std::string* copy_ = nullptr;
  std::uint64_t wanted_row_ = 0, wanted_line_ = 0;
  std::uint64_t line_ = 1, row_ = 1;
  std::uint64_t first_return_line_ = 0;
  bool line_feeds_ = false, both_ = false;
  bool quoted_ = false, quote_closed_ = false, cell_begins_ = true, return_waits_ = false;
};

// Calls `on_piece` with the file from the front to the back.
Status read_pieces(const fs::path& path, const std::function<Status(std::string_view piece)>& on_piece) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return errno_error("cannot open file", path);
  std::string piece(kPieceBytes, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (file.bad()) return errno_error("cannot read file", path);
    AMAS_CHECK(on_piece(std::string_view(piece).substr(0, static_cast<std::size_t>(file.gcount()))));
  }
  return {};
}

/// Tells text in UTF-8 from other bytes, in a file that is given piece by piece.
class TextCheck {
 public:
  /// Takes one more piece. Returns what is known to be text by now and was not returned before.
  std::string_view take(std::string_view piece) {
    bytes_.erase(0, good_);
    bytes_ += piece;
    good_ = utf8_prefix(bytes_);
    const std::size_t nul = std::string_view(bytes_).substr(0, good_).find('\0');
    found_nul_ = nul != std::string::npos;
    good_ = std::min(good_, nul);
    offset_ += good_;
    return std::string_view(bytes_).substr(0, good_);
  }
  /// Whether the byte behind that is no text; `at_end`: of the file, where a character that is cut off is
  /// none.
  bool found(bool at_end) const { return found_nul_ || bytes_.size() - good_ > (at_end ? 0 : kCutBytesMax); }
  /// Whether it is NUL.
  bool found_nul() const { return found_nul_; }
  /// Its offset in the file.
  std::uint64_t offset() const { return offset_; }

 private:
  std::string bytes_;
  std::size_t good_ = 0;
  std::uint64_t offset_ = 0;
  bool found_nul_ = false;
};

Error wrong_byte(std::uint64_t line, std::uint64_t offset, bool nul) {
  return invalid_argument(
      fmt::format("line {}: {} (byte {} of the file, counted from 0)", line,
                  nul ? "a NUL byte; the file is damaged or no text, or its text is UTF-16; save it as UTF-8"
                      : "the text is not UTF-8; save it as UTF-8",
                  offset));
}

}  // namespace

Result<CsvLines> look_at_lines(const fs::path& path, const CsvDialect& dialect) {
  CsvWalk walk(dialect);
  TextCheck text;
  const auto check = [&](bool at_end) -> Status {
    if (text.found(at_end)) return wrong_byte(walk.line(), text.offset(), text.found_nul());
    return {};
  };
  AMAS_CHECK(read_pieces(path, [&](std::string_view piece) {
    walk.take(text.take(piece));
    return check(false);
  }));
  AMAS_CHECK(check(true));
  walk.end();
  const bool feeds = walk.has_line_feeds() || walk.has_both();
  if (feeds && walk.first_return_line() > 0)
    return invalid_argument(
        fmt::format("line {}: a carriage return stands alone where other rows end with a line feed; remove "
                    "it, or quote the cell that holds it",
                    walk.first_return_line()));
  return CsvLines{walk.has_line_feeds() && walk.has_both()};
}

Status copy_with_line_feeds(const fs::path& path, const CsvDialect& dialect, const fs::path& copy) {
  std::ofstream file(copy, std::ios::binary);
  CsvWalk walk(dialect);
  std::string piece_copy;
  walk.copy_to(piece_copy);
  const auto write = [&]() -> Status {
    file.write(piece_copy.data(), static_cast<std::streamsize>(piece_copy.size()));
    piece_copy.clear();
    return file ? Status{} : Status(errno_error("cannot write a copy with equal line ends", copy));
  };
  AMAS_CHECK(read_pieces(path, [&](std::string_view piece) {
    walk.take(piece);
    return write();
  }));
  walk.end();
  AMAS_CHECK(write());
  file.close();
  return file ? Status{} : Status(errno_error("cannot write a copy with equal line ends", copy));
}

Result<std::uint64_t> line_of_row(const fs::path& path, const CsvDialect& dialect, std::uint64_t row) {
  CsvWalk walk(dialect);
  walk.find_row(row);
  AMAS_CHECK(read_pieces(path, [&](std::string_view piece) -> Status {
    walk.take(piece);
    return {};
  }));
  return walk.line_of_wanted() == 0 ? row : walk.line_of_wanted();
}

}  // namespace amas::engines::duckdb
