#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/result.h"

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

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

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
    if (escape == 0 && !continues_character(text[0])) ++width;
    text.remove_prefix(std::max<std::size_t>(escape, 1));
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (columns == 0 || width_of(text) <= columns) return std::string(text);
  std::string front;
  bool in_colour = false;
  for (std::size_t width = 0; !text.empty();) {
    const std::size_t escape = escape_length(text);
    if (escape == 0 && !continues_character(text[0]) && ++width > columns) break;
    in_colour = escape > 0 ? !text.starts_with(kPlain) : in_colour;
    const std::size_t length = std::max<std::size_t>(escape, 1);
    front += text.substr(0, length);
    text.remove_prefix(length);
  }
  if (in_colour) front += kPlain;
  return front;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows, std::size_t columns) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - width_of(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    if (columns > 0 && width_of(line) > columns) return blocks(rows);
    text += line + "\n";
  }
  return text;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  return format_table(rows, terminal_size().columns);
}

}  // namespace amas::cli
