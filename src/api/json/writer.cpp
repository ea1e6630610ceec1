#include "api/json/writer.h"

#include <array>
#include <charconv>
#include <cmath>

#include "api/json/base64.h"
#include "base/text.h"

namespace amas::json {
namespace {

// Room for any double in fixed form below 1e21 and in scientific form beyond.
constexpr std::size_t kNumberBytesMax = 40;

// Magnitudes in [low, high) are written without an exponent. For float32 that ends where its digits do.
template <class T>
constexpr T kFixedLow = T(1e-5);
template <class T>
constexpr T kFixedHigh = std::is_same_v<T, float> ? T(1e7) : T(1e16);

template <class T>
void append_real(std::string& out, T value) {
  if (!std::isfinite(value)) [[unlikely]] {
    out += std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  std::array<char, kNumberBytesMax> digits;
  const T size = std::abs(value);
  const bool fixed = (size >= kFixedLow<T> && size < kFixedHigh<T>) || size == 0;
  const auto form = fixed ? std::chars_format::fixed : std::chars_format::scientific;
  char* end = std::to_chars(digits.data(), digits.data() + digits.size(), value, form).ptr;
  out.append(digits.data(), end);
  // So that readers which tell whole numbers from others by their look see a float.
  if (fixed && value == std::trunc(value)) out += ".0";
}

template <class T>
void append_whole_number(std::string& out, T value) {
  std::array<char, kNumberBytesMax> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
  }
}

bool needs_escape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

}  // namespace

void append_string(std::string& out, std::string_view text) {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = to_valid_utf8(text);
    text = repaired;
  }
  out += '"';
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape(text[i])) continue;
    out.append(text, begin, i - begin);
    append_escaped(out, text[i]);
    begin = i + 1;
  }
  out.append(text, begin);
  out += '"';
}

void append_number(std::string& out, float value) { append_real(out, value); }
void append_number(std::string& out, double value) { append_real(out, value); }
void append_number(std::string& out, std::int64_t value) { append_whole_number(out, value); }

void TensorWriter::append_row(std::string& out, std::size_t row) const {
  std::size_t row_size = 1;
  for (std::size_t i = 1; i < tensor_.shape().size(); ++i)
    row_size *= static_cast<std::size_t>(tensor_.shape()[i]);
  append_nested(out, 1, row * row_size);
}

void TensorWriter::append_nested(std::string& out, std::size_t level, std::size_t begin) const {
  const Shape& shape = tensor_.shape();
  if (level == shape.size()) {
    const std::size_t bracket = out.size();
    append_list(out, begin, 1);
    out.erase(bracket, 1);
    out.pop_back();
    return;
  }
  const auto count = static_cast<std::size_t>(shape[level]);
  if (level + 1 == shape.size()) return append_list(out, begin, count);
  std::size_t size = 1;  // of one element of this list
  for (std::size_t i = level + 1; i < shape.size(); ++i) size *= static_cast<std::size_t>(shape[i]);
  out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    append_nested(out, level + 1, begin + i * size);
  }
  out += ']';
}

void TensorWriter::append_list(std::string& out, std::size_t begin, std::size_t count) const {
  out += '[';
  switch (tensor_.dtype()) {
    case DType::kBool:
      append_elements<bool>(out, begin, count);
      break;
    case DType::kUint8:
      append_elements<std::uint8_t>(out, begin, count);
      break;
    case DType::kInt8:
      append_elements<std::int8_t>(out, begin, count);
      break;
    case DType::kUint16:
      append_elements<std::uint16_t>(out, begin, count);
      break;
    case DType::kInt16:
      append_elements<std::int16_t>(out, begin, count);
      break;
    case DType::kUint32:
      append_elements<std::uint32_t>(out, begin, count);
      break;
    case DType::kInt32:
      append_elements<std::int32_t>(out, begin, count);
      break;
    case DType::kUint64:
      append_elements<std::uint64_t>(out, begin, count);
      break;
    case DType::kInt64:
      append_elements<std::int64_t>(out, begin, count);
      break;
    case DType::kFloat32:
      append_elements<float>(out, begin, count);
      break;
    case DType::kFloat64:
      append_elements<double>(out, begin, count);
      break;
    case DType::kString:
      append_elements<std::string>(out, begin, count);
      break;
    case DType::kFloat16:
      append_elements<std::uint16_t>(out, begin, count);
      break;
  }
  out += ']';
}

template <class T>
void TensorWriter::append_elements(std::string& out, std::size_t begin, std::size_t count) const {
  for (std::size_t i = begin; i < begin + count; ++i) {
    if (i > begin) out += ',';
    if constexpr (std::is_same_v<T, std::string>) {
      append_text(out, i);
    } else {
      const T value = tensor_.data<T>()[i];
      if constexpr (std::is_same_v<T, bool>) out += value ? "true" : "false";
      else if constexpr (std::is_integral_v<T>) append_whole_number(out, value);
      else if (std::is_same_v<T, float> && floats_ == FloatForm::kThroughDouble)
        append_real(out, double{value});
      else append_real(out, value);
    }
  }
}

void TensorWriter::append_text(std::string& out, std::size_t at) const {
  const std::string& text = tensor_.strings()[at];
  if (bytes_ == BytesForm::kText) return append_string(out, text);
  out += "{\"b64\":\"";
  out += to_base64(text);
  out += "\"}";
}

}  // namespace amas::json
