#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amas::cli {

/// Opens what the caller has closed of standard input, output and error, so that a file of the home cannot
/// take the number of one of them and be written over. Reading from or writing to them still fails.
void keep_standard_streams();

/// Writes text to standard output, at once. When that fails nothing that follows can be said, so the process
/// ends here: without a word as by SIGPIPE when the reader has gone away (`amas … | head -1`), else with a
/// message on standard error and exit status 74 (EX_IOERR). Every command may end at any moment without loss.
///
/// Foreign text in it must have gone through printable(). Threads: safe to call from several at once.
void print_text(std::string_view text);

/// Writes text to standard error; nothing can be said about a failure.
void print_error_text(std::string_view text);

/// Whether standard output is a terminal that understands cursor moves ($TERM).
bool is_terminal();

/// Whether standard output is a terminal that may be written to in colours ($TERM, $NO_COLOR).
bool has_colours();

/// The same for standard error.
bool error_has_colours();

/// `text` in a colour of the terminal (an SGR code such as "1", "32", "33;1"); plain where there are none.
std::string coloured(const std::string& text, const char* code);

/// How large the terminal is now, in characters. Where standard output is none, there is no limit to either.
struct TerminalSize {
  std::size_t columns = 0;  ///< 0: no limit
  std::size_t rows = 0;     ///< 0: no limit
};
/// See TerminalSize; a terminal that does not say counts as 80 × 24.
TerminalSize terminal_size();

/// Columns that a text takes on a terminal, without escape sequences of colours.
std::size_t width_of(std::string_view text);

/// The longest front of a text that takes at most `columns`; colours end with it. `columns` 0: all of it.
std::string cut_to_width(std::string_view text, std::size_t columns);

/// A text broken between its pieces (two spaces part them), and at a space within a piece that is longer than
/// a line, into lines of at most `columns` (0: no limit); all but the first begin `indent` further in. A word
/// that is longer stays whole.
std::string wrap_to_width(std::string_view text, std::size_t columns, std::size_t indent);

/// The same for each line of a text, for the terminal as wide as it is now.
std::string wrap_lines(std::string_view text, std::size_t indent);

/// A table in plain text with aligned columns, numbers at their end; the first row is the heading. Where it
/// is wider than `columns` (0: no limit) each row becomes a block of lines, a heading and a value on each.
/// Cells may hold foreign text: what a terminal would act on is escaped.
std::string format_table(std::vector<std::vector<std::string>> rows, std::size_t columns);

/// The same for the terminal, as wide as it is now.
std::string format_table(std::vector<std::vector<std::string>> rows);

/// A bar for each value, as high as its share of `highest`; one that is not zero shows.
std::string bars_text(const std::vector<double>& values, double highest);

/// "1 row", "3 rows".
std::string count_of(std::uint64_t count, std::string_view one);

}  // namespace amas::cli
