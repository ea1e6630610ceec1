#include "telemetry/protobuf_wire.h"

namespace amas::telemetry {
namespace {

void append_little_endian(std::string& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace

void MessageWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
  bytes_ += static_cast<char>(value);
}

MessageWriter& MessageWriter::integer(std::uint32_t field, std::int64_t value) {
  tag(field, 0);
  varint(static_cast<std::uint64_t>(value));
  return *this;
}

MessageWriter& MessageWriter::real(std::uint32_t field, double value) {
  tag(field, 1);
  append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value), 8);
  return *this;
}

MessageWriter& MessageWriter::real32(std::uint32_t field, float value) {
  tag(field, 5);
  append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value), 4);
  return *this;
}

MessageWriter& MessageWriter::bytes(std::uint32_t field, std::string_view value) {
  tag(field, 2);
  varint(value.size());
  bytes_ += value;
  return *this;
}

std::optional<WireField> MessageReader::next() {
  if (rest_.empty() || malformed_) return std::nullopt;
  malformed_ = true;  // until the field is seen to be whole
  const auto key = varint();
  if (!key || *key >> 3 == 0 || *key >> 32 != 0) return std::nullopt;
  WireField field{static_cast<std::uint32_t>(*key >> 3), static_cast<std::uint32_t>(*key & 7), 0, {}};
  std::optional<std::uint64_t> value;
  switch (field.wire_type) {
    case 0:
    case 2:
      value = varint();
      break;
    case 1:
      value = fixed(8);
      break;
    case 5:
      value = fixed(4);
      break;
    default:
      return std::nullopt;  // groups went out of use before these messages were born
  }
  if (!value) return std::nullopt;
  field.value = *value;
  if (field.wire_type == 2) {
    if (*value > rest_.size()) return std::nullopt;
    field.bytes = rest_.substr(0, *value);
    rest_.remove_prefix(*value);
  }
  malformed_ = false;
  return field;
}

std::optional<std::uint64_t> MessageReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> MessageReader::fixed(std::size_t width) {
  if (rest_.size() < width) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(rest_[i])} << (8 * i);
  rest_.remove_prefix(width);
  return value;
}

}  // namespace amas::telemetry
