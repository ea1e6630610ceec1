#include "data/white_space.h"

#include <cstdint>

namespace amas::data {
namespace {

// The length in bytes of the white space at the start of `text`; 0 when there is none.
std::size_t space_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0; };
  const std::uint8_t first = static_cast<std::uint8_t>(text[0]);
  if (first <= 0x20 || first == 0x7F) return 1;
  if (first < 0xC2 || first > 0xE3) return 0;
  if (first == 0xC2) return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0;
  if (first == 0xE1) return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0;  // U+1680
  if (first == 0xE3) return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0;  // U+3000
  if (first != 0xE2) return 0;
  if (byte(1) == 0x81) return byte(2) == 0x9F ? 3 : 0;  // U+205F
  if (byte(1) != 0x80) return 0;
  // U+2000 to U+200A, U+2028, U+2029, U+202F.
  return byte(2) <= 0x8A || byte(2) == 0xA8 || byte(2) == 0xA9 || byte(2) == 0xAF ? 3 : 0;
}

}  // namespace

void append_collapsed(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t word = 0, space = 0;
    while (word < text.size() && (space = space_length(text.substr(word))) == 0) ++word;
    out.append(text.substr(0, word));
    text.remove_prefix(word);
    if (text.empty()) return;
    if (!out.empty() && out.back() != ' ') out += ' ';
    text.remove_prefix(space);
  }
}

std::string collapsed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  append_collapsed(out, text);
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace amas::data
