#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "base/text.h"

namespace amas::cli {
namespace {

constexpr std::string_view kPlain = "\033[0m";

bool is_capable(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && term != nullptr && *term != '\0' && std::string_view(term) != "dumb";
}

// https://no-color.org: present and not empty.
bool wants_colours() {
  const char* no_colour = std::getenv("NO_COLOR");
  return no_colour == nullptr || *no_colour == '\0';
}

[[noreturn]] void end_without_output(int number) {
  if (number == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    ::raise(SIGPIPE);
  }
  print_error_text(fmt::format("error: cannot write to standard output: {}\n", std::strerror(number)));
  // Not exit(): other threads still run, and what they use must not be taken apart under them.
  ::_exit(exit_status(Code::kDataLoss));
}

// The length of the escape sequence (CSI … letter) at the start of `text`; 0 when there is none.
std::size_t escape_length(std::string_view text) {
  if (!text.starts_with("\033[")) return 0;
  const auto end = std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= '@' && c <= '~'; });
  return end == text.end() ? text.size() : static_cast<std::size_t>(end - text.begin()) + 1;
}

// ICU's macro narrows integers silently.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

// Takes one character off the front of a text; returns the columns of a terminal that it takes: two for wide
// East Asian characters and emoji, none for marks.
std::size_t take_character(std::string_view& text) {
  std::int32_t at = 0;
  UChar32 character = 0;
  U8_NEXT_OR_FFFD(text.data(), at, static_cast<std::int32_t>(std::min<std::size_t>(text.size(), 4)),
                  character);
  text.remove_prefix(static_cast<std::size_t>(at));
  const auto type = u_charType(character);
  if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR) return 0;
  const auto east_asian = u_getIntPropertyValue(character, UCHAR_EAST_ASIAN_WIDTH);
  return east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
}

#pragma GCC diagnostic pop

// Numbers line up at their end: whether what stands below the heading of a column begins like one.
bool is_numeric(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
  return std::all_of(rows.begin() + 1, rows.end(), [column](const auto& row) {
    return row.size() <= column || row[column].empty() ||
           std::string_view("+->0123456789").find(row[column][0]) != std::string_view::npos;
  });
}

std::string blocks(const std::vector<std::vector<std::string>>& rows) {
  std::size_t heading_width = 0;
  for (const std::string& heading : rows.at(0)) heading_width = std::max(heading_width, width_of(heading));
  std::string text;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    if (row > 1) text += "\n";
    for (std::size_t i = 0; i < rows[row].size(); ++i) {
      if (rows[row][i].empty()) continue;
      const std::string heading = i < rows[0].size() ? rows[0][i] : "";
      text += fmt::format("{}{}{}\n", heading, std::string(heading_width - width_of(heading) + 2, ' '),
                          rows[row][i]);
    }
  }
  return text;
}

}  // namespace

void keep_standard_streams() {
  // Opened the wrong way round, so that what was closed still fails. open() takes the lowest free number.
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) < 0)
      static_cast<void>(::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY));
}

void print_text(std::string_view text) {
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  end_without_output(errno);
}

void print_error_text(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
}

bool is_terminal() {
  static const bool terminal = is_capable(STDOUT_FILENO);
  return terminal;
}

bool has_colours() {
  static const bool colours = is_terminal() && wants_colours();
  return colours;
}

bool error_has_colours() {
  static const bool colours = is_capable(STDERR_FILENO) && wants_colours();
  return colours;
}

std::string coloured(const std::string& text, const char* code) {
  return has_colours() ? fmt::format("\033[{}m{}{}", code, text, kPlain) : text;
}

TerminalSize terminal_size() {
  if (::isatty(STDOUT_FILENO) != 1) return {};
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {80, 24};
  return {size.ws_col, size.ws_row == 0 ? 24u : size.ws_row};
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const std::size_t escape = escape_length(text);
    text.remove_prefix(escape);
    if (escape == 0) width += take_character(text);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (columns == 0 || width_of(text) <= columns) return std::string(text);
  std::string front;
  bool in_colour = false;
  for (std::size_t width = 0; !text.empty();) {
    std::string_view rest = text;
    if (const std::size_t escape = escape_length(text); escape > 0) {
      in_colour = !text.starts_with(kPlain);
      rest.remove_prefix(escape);
    } else if ((width += take_character(rest)) > columns) {
      break;
    }
    front += text.substr(0, text.size() - rest.size());
    text = rest;
  }
  return in_colour ? front.append(kPlain) : front;
}

std::string wrap_to_width(std::string_view text, std::size_t columns, std::size_t indent) {
  if (columns == 0 || width_of(text) <= columns) return std::string(text);
  std::string wrapped;
  std::size_t width = 0, loose = 0;  // `loose`: bytes left of a piece that is broken at every space
  while (!text.empty()) {
    // A piece with the spaces before it, which vanish where a line is broken.
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    std::string_view piece = text.substr(begin, text.find("  ", begin) - begin);
    if (loose == 0 && indent + width_of(piece) > columns) loose = begin + piece.size();
    if (loose > 0) piece = piece.substr(0, piece.find(' '));
    if (width > indent && width + begin + width_of(piece) > columns) {
      wrapped.append("\n").append(indent, ' ').append(piece);
      width = indent + width_of(piece);
    } else {
      wrapped.append(begin, ' ').append(piece);
      width += begin + width_of(piece);
    }
    text.remove_prefix(begin + piece.size());
    loose -= std::min(loose, begin + piece.size());
  }
  return wrapped;
}

std::string wrap_lines(std::string_view text, std::size_t indent) {
  const std::size_t columns = terminal_size().columns;
  std::string wrapped;
  for (const std::string_view line : split_at(text, '\n'))
    wrapped += wrap_to_width(line, columns, indent) + "\n";
  wrapped.pop_back();
  return wrapped;
}

std::string format_table(std::vector<std::vector<std::string>> rows, std::size_t columns) {
  for (auto& row : rows)
    for (std::string& cell : row) cell = printable(cell);
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::vector<bool> to_the_right(widths.size());
  for (std::size_t i = 0; i < widths.size(); ++i) to_the_right[i] = is_numeric(rows, i);
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      line += (i > 0 ? "  " : "") + (to_the_right[i] ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (columns > 0 && width_of(line) > columns) return blocks(rows);
    text += line + "\n";
  }
  return text;
}

std::string format_table(std::vector<std::vector<std::string>> rows) {
  return format_table(std::move(rows), terminal_size().columns);
}

std::string bars_text(const std::vector<double>& values, double highest) {
  static constexpr std::array<const char*, 9> kBars{"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string bars;
  for (const double value : values) {
    const double share = highest > 0 ? std::clamp(value / highest, 0.0, 1.0) : 0;
    bars += kBars[static_cast<std::size_t>(std::ceil(8 * share))];
  }
  return bars;
}

std::string count_of(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

}  // namespace amas::cli
