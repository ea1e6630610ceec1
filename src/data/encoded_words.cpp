#include "data/encoded_words.h"

#include <glib.h>

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/text.h"
#include "data/charset.h"

namespace amas::data {
namespace {

struct Word {
  std::string_view charset;
  std::string bytes;
  std::size_t length = 0;  // of the encoded form
};

int hex_digit(char c) { return g_ascii_xdigit_value(c); }

std::string decode_q(std::string_view encoded) {
  std::string bytes;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '_') {
      bytes += ' ';
    } else if (encoded[i] == '=' && i + 2 < encoded.size() && hex_digit(encoded[i + 1]) >= 0 &&
               hex_digit(encoded[i + 2]) >= 0) {
      bytes += static_cast<char>(hex_digit(encoded[i + 1]) * 16 + hex_digit(encoded[i + 2]));
      i += 2;
    } else {
      bytes += encoded[i];
    }
  }
  return bytes;
}

std::string decode_b(std::string_view encoded) {
  // Some programs leave out the padding, without which GLib drops the last bytes.
  std::string padded(encoded);
  while (padded.size() % 4 != 0) padded += '=';
  gsize length = 0;
  const std::unique_ptr<guchar, decltype(&g_free)> bytes(g_base64_decode(padded.c_str(), &length), &g_free);
  return {reinterpret_cast<const char*>(bytes.get()), length};
}

// The encoded word at the start of `text`: =?charset?B?text?=
std::optional<Word> word_at(std::string_view text) {
  const auto charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() || text[charset_end + 2] != '?')
    return std::nullopt;
  const char encoding = g_ascii_tolower(text[charset_end + 1]);
  const auto start = charset_end + 3;
  const auto end = text.find("?=", start);
  if (end == std::string_view::npos || (encoding != 'q' && encoding != 'b')) return std::nullopt;
  const std::string_view encoded = text.substr(start, end - start);
  std::string_view charset = text.substr(2, charset_end - 2);
  charset = charset.substr(0, charset.find('*'));
  return Word{charset, encoding == 'q' ? decode_q(encoded) : decode_b(encoded), end + 2};
}

}  // namespace

std::string decode_words(std::string_view value) {
  std::string text, bytes;
  std::string_view charset;
  const auto flush = [&] {
    text += text_to_utf8(bytes, charset);
    bytes.clear();
  };
  bool after_word = false;
  while (!value.empty()) {
    const auto at = value.find("=?");
    const auto word = at == std::string_view::npos ? std::nullopt : word_at(value.substr(at));
    // What is no word stands for itself; white space between two words does not.
    const std::size_t plain = word ? at : at == std::string_view::npos ? value.size() : at + 2;
    const std::string_view before = value.substr(0, plain);
    if (!(word && after_word && trim(before).empty())) {
      flush();
      text += text_to_utf8(before, "");
    }
    value.remove_prefix(plain);
    after_word = word.has_value();
    if (!word) continue;
    if (word->charset != charset) flush();
    charset = word->charset;
    bytes += word->bytes;
    value.remove_prefix(word->length);
  }
  flush();
  return text;
}

}  // namespace amas::data
