#include "api/json/target.h"

#include <algorithm>
#include <charconv>

namespace amas::json {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

std::string percent_decode(std::string_view segment) {
  std::string text;
  text.reserve(segment.size());
  for (std::size_t i = 0; i < segment.size(); ++i) {
    unsigned value = 0;
    const char* end = segment.data() + i + 3;
    if (segment[i] == '%' && segment.size() - i > 2 &&
        std::from_chars(segment.data() + i + 1, end, value, 16).ptr == end) {
      text += static_cast<char>(value);
      i += 2;
    } else {
      text += segment[i];
    }
  }
  return text;
}

std::optional<std::int64_t> parse_version(std::string_view digits) {
  std::int64_t version = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, version);
  if (error != std::errc() || stop != end || version < 1) return std::nullopt;
  return version;
}

bool take_prefix(std::string_view& path, std::string_view prefix) {
  const auto equal = [](char a, char b) { return lower(a) == lower(b); };
  if (path.size() < prefix.size() || !std::equal(prefix.begin(), prefix.end(), path.begin(), equal))
    return false;
  path.remove_prefix(prefix.size());
  return true;
}

}  // namespace amas::json
