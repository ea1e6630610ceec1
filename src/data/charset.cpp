#include "data/charset.h"

#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/text.h"

namespace amas::data {
namespace {

struct Superset {
  std::string_view charset;
  const char* read_as;
};

// What mail programs really send under these names (the WHATWG encoding standard reads them the same way).
constexpr std::array<Superset, 12> kSupersets{{{"gb2312", "gb18030"},
                                               {"gb_2312-80", "gb18030"},
                                               {"gbk", "gb18030"},
                                               {"x-gbk", "gb18030"},
                                               {"euc-cn", "gb18030"},
                                               {"big5", "Big5-HKSCS"},
                                               {"euc-kr", "windows-949"},
                                               {"ks_c_5601-1987", "windows-949"},
                                               {"shift_jis", "windows-31j"},
                                               {"iso-8859-9", "windows-1254"},
                                               {"iso-8859-11", "windows-874"},
                                               {"tis-620", "windows-874"}}};

// Windows-1252's characters for 0x80 to 0x9F; where it has none, the C1 control of Latin-1 stays.
constexpr std::array<char16_t, 32> kWindows1252{
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};

void append_code_point(std::string& text, char32_t point) {
  if (point >= 0x800) {
    text += static_cast<char>(0xE0 | (point >> 12));
    text += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
  } else {
    text += static_cast<char>(0xC0 | (point >> 6));
  }
  text += static_cast<char>(0x80 | (point & 0x3F));
}

std::string latin1_to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 8);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) text += c;
    else append_code_point(text, byte < 0xA0 ? kWindows1252[byte - 0x80] : byte);
  }
  return text;
}

// Stops at any byte that does not belong to the charset. Only an empty segment of ISO-2022 is let pass, which
// stands wherever two encoded words of a header were joined.
void stop_unless_irregular(const void*, UConverterToUnicodeArgs*, const char*, std::int32_t,
                           UConverterCallbackReason reason, UErrorCode* error) {
  if (reason == UCNV_IRREGULAR) *error = U_ZERO_ERROR;
}

// Strict: nothing where ICU does not know the charset or a byte does not belong to it.
std::optional<std::string> convert(std::string_view bytes, const char* charset) {
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> from(ucnv_open(charset, &error), &ucnv_close);
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> to(ucnv_open("UTF-8", &error), &ucnv_close);
  if (U_FAILURE(error)) return std::nullopt;
  ucnv_setToUCallBack(from.get(), stop_unless_irregular, nullptr, nullptr, nullptr, &error);
  std::array<UChar, 2048> pivot;
  UChar *pivot_read = pivot.data(), *pivot_write = pivot.data();
  std::string text(bytes.size() + bytes.size() / 2 + 16, '\0');
  const char* source = bytes.data();
  std::size_t filled = 0;
  for (bool first = true;; first = false) {
    char* target = text.data() + filled;
    ucnv_convertEx(to.get(), from.get(), &target, text.data() + text.size(), &source,
                   bytes.data() + bytes.size(), pivot.data(), &pivot_read, &pivot_write,
                   pivot.data() + pivot.size(), first, true, &error);
    filled = static_cast<std::size_t>(target - text.data());
    if (error != U_BUFFER_OVERFLOW_ERROR) break;
    error = U_ZERO_ERROR;
    text.resize(text.size() * 2);
  }
  if (U_FAILURE(error)) return std::nullopt;
  text.resize(filled);
  return text;
}

bool is_ascii(std::string_view bytes) {
  return std::none_of(bytes.begin(), bytes.end(),
                      [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

}  // namespace

std::string c1_to_windows1252(std::string_view text) {
  std::string fixed;
  fixed.reserve(text.size());
  for (std::size_t at; (at = text.find('\xC2')) != std::string_view::npos && at + 1 < text.size();) {
    const auto second = static_cast<unsigned char>(text[at + 1]);
    fixed.append(text.substr(0, at));
    if (second < 0xA0) append_code_point(fixed, kWindows1252[second - 0x80]);
    else fixed.append(text.substr(at, 2));
    text.remove_prefix(at + 2);
  }
  return fixed.append(text);
}

std::string text_to_utf8(std::string_view bytes, std::string_view charset) {
  std::string name(trim(charset));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.empty() || name == "utf-8" || name == "utf8")
    return is_utf8(bytes) ? std::string(bytes) : latin1_to_utf8(bytes);
  if (name == "us-ascii" || name == "iso-8859-1")
    return is_ascii(bytes) ? std::string(bytes) : latin1_to_utf8(bytes);
  // ICU would take such a name as options ("gb18030,version=1") or read past a NUL.
  if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.:+") != std::string::npos)
    return latin1_to_utf8(bytes);
  const char* read_as = name.c_str();
  for (const Superset& superset : kSupersets)
    if (superset.charset == name) read_as = superset.read_as;
  auto text = convert(bytes, read_as);
  return text ? *std::move(text) : latin1_to_utf8(bytes);
}

}  // namespace amas::data
