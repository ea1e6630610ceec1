#include "engines/duckdb/csv_dialect.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace amas::engines::duckdb {
namespace {

constexpr std::array<char, 4> kDelimiters{',', ';', '\t', '|'};
constexpr std::size_t kRowsLookedAt = 20;

bool is_delimiter(char c) {
  return std::find(kDelimiters.begin(), kDelimiters.end(), c) != kDelimiters.end();
}
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// Takes records from a text one after another.
class Records {
 public:
  Records(std::string_view text, bool whole, char delimiter, char quote)
      : text_(text), whole_(whole), delimiter_(delimiter), quote_(quote) {}

  /// The cells of the next record that is not blank; nothing at the end, or where the text ends before the
  /// record.
  std::optional<std::vector<std::string>> next() {
    while (at_ < text_.size() && is_line_end(text_[at_])) ++at_;
    if (at_ >= text_.size()) return std::nullopt;
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quoted && c == quote_ && text_.substr(at_ + 1).starts_with(quote_)) cells.back() += c, ++at_;
      else if (c == quote_ && (quoted || trim(cells.back()).empty())) quoted = !quoted;
      else if (quoted) cells.back() += c;
      else if (c == delimiter_) cells.emplace_back();
      else if (is_line_end(c)) break;
      else cells.back() += c;
    }
    if (at_ >= text_.size() && (quoted || !whole_)) return std::nullopt;
    return cells;
  }

 private:
  std::string_view text_;
  bool whole_;
  char delimiter_;
  char quote_;
  std::size_t at_ = 0;
};

// Single quotes enclose cells when no double quote begins one and some cell begins and ends with a single
// one.
char quote_of(std::string_view sample) {
  bool single = false;
  const auto begins = [&](std::size_t i) {
    return i == 0 || is_delimiter(sample[i - 1]) || is_line_end(sample[i - 1]);
  };
  for (std::size_t i = 0; i < sample.size(); ++i) {
    if (sample[i] == '"' && begins(i)) return '"';
    if (sample[i] != '\'' || !begins(i)) continue;
    const auto end = sample.find('\'', i + 1);
    single = single ||
             (end != std::string_view::npos &&
              (end + 1 == sample.size() || is_delimiter(sample[end + 1]) || is_line_end(sample[end + 1])));
  }
  return single ? '\'' : '"';
}

struct Score {
  bool consistent = true;
  std::size_t cells = 0;
};

Score score_of(std::string_view sample, bool whole, char delimiter, char quote) {
  Records records(sample, whole, delimiter, quote);
  Score score;
  for (std::size_t row = 0; row < kRowsLookedAt; ++row) {
    const auto cells = records.next();
    if (!cells) break;
    if (row == 0) score.cells = cells->size();
    else score.consistent = score.consistent && cells->size() == score.cells;
  }
  return score;
}

char delimiter_of(std::string_view sample, bool whole, char quote) {
  char best = kDelimiters[0];
  Score best_score{false, 1};
  for (const char delimiter : kDelimiters) {
    const Score score = score_of(sample, whole, delimiter, quote);
    if (score.cells < 2) continue;
    const bool better =
        score.consistent != best_score.consistent ? score.consistent : score.cells > best_score.cells;
    if (better) best = delimiter, best_score = score;
  }
  return best;
}

}  // namespace

Result<CsvDialect> csv_dialect(std::string_view sample, bool whole) {
  if (sample.starts_with("\xEF\xBB\xBF")) sample.remove_prefix(3);
  if (trim(sample).empty()) return invalid_argument("the file is empty; a header line and rows are needed");
  if (sample.starts_with("\xFF\xFE") || sample.starts_with("\xFE\xFF") ||
      sample.substr(0, 4).find('\0') != std::string_view::npos)
    return invalid_argument("line 1: the text is UTF-16 or no text at all; save it as UTF-8");
  CsvDialect dialect;
  dialect.quote = quote_of(sample);
  dialect.delimiter = delimiter_of(sample, whole, dialect.quote);
  const auto blank = sample.substr(0, sample.find_first_not_of("\r\n"));
  dialect.lines_before = static_cast<std::size_t>(
      std::count(blank.begin(), blank.end(), blank.find('\n') == std::string_view::npos ? '\r' : '\n'));
  const auto header = Records(sample, whole, dialect.delimiter, dialect.quote).next();
  if (!header)
    return invalid_argument("line 1: the header does not end; check its quotes, and that it has one");
  for (const std::string& name : *header) dialect.names.emplace_back(trim(name));
  return dialect;
}

}  // namespace amas::engines::duckdb
