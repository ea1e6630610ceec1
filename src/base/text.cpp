#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace amas {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

// The length of the well-formed UTF-8 sequence at the start of `text`; 0 when it is ill-formed.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF   ? 2
                             : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const std::uint8_t second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool outside = (first == 0xED && second > 0x9F) || (first == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

// The code point of a well-formed sequence.
std::uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<std::uint8_t>(sequence[i]));
  };
  if (sequence.size() == 1) return byte(0);
  std::uint32_t point = byte(0) & (0x7Fu >> sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i) point = (point << 6) | (byte(i) & 0x3F);
  return point;
}

// Whether a terminal acts on it, or shows what follows elsewhere than it stands: C0, DEL, C1, line and
// paragraph separators, and the marks, embeddings and isolates of direction.
bool acts_on_terminal(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x061C || point == 0x200E ||
         point == 0x200F || (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

void append_escaped(std::string& line, std::uint32_t point) {
  constexpr char kDigits[] = "0123456789abcdef";
  if (point == '\n') line += "\\n";
  else if (point == '\r') line += "\\r";
  else if (point == '\t') line += "\\t";
  else {
    line += point < 0x100 ? "\\x" : "\\u";
    for (int shift = point < 0x100 ? 4 : 12; shift >= 0; shift -= 4) line += kDigits[(point >> shift) & 0xF];
  }
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::size_t far = std::min(word.size(), std::max<std::size_t>(2, word.size() / 3)) + 1;
  std::size_t best = far;
  std::optional<std::string> found;
  for (const std::string& candidate : candidates)
    // As many edits as the longer word has bytes turn any word into any other.
    if (const std::size_t distance = edit_distance(word, candidate);
        distance < std::min(best, std::max(word.size(), candidate.size()))) {
      best = distance;
      found = candidate;
    }
  return found;
}

std::size_t utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) valid += "\xEF\xBF\xBD";
    else valid += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

std::string printable(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0) append_escaped(line, static_cast<std::uint8_t>(text[0]));
    else if (const std::uint32_t point = code_point(sequence); acts_on_terminal(point))
      append_escaped(line, point);
    else line += sequence;
    text.remove_prefix(sequence.size());
  }
  return line;
}

std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string format_bytes(double bytes) {
  // From where one digit behind the point would round up to 1000, the next unit says it.
  constexpr double kNext = 999.95;
  if (bytes < 999.5) return fmt::format("{:.0f} B", bytes);
  for (const char* unit : {"kB", "MB"}) {
    bytes /= 1e3;
    if (bytes < kNext) return fmt::format("{:.1f} {}", bytes, unit);
  }
  return fmt::format("{:.1f} GB", bytes / 1e3);
}

std::vector<std::string_view> split_at(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace amas
