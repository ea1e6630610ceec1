#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace amas::telemetry {

/// Builds one protobuf message by hand (https://protobuf.dev/programming-guides/encoding/). TensorBoard's
/// messages are small and frozen, so that this module needs neither generated code nor the library.
class MessageWriter {
 public:
  /// int32, int64, uint32, uint64, bool, enum.
  MessageWriter& integer(std::uint32_t field, std::int64_t value);
  /// double.
  MessageWriter& real(std::uint32_t field, double value);
  /// float.
  MessageWriter& real32(std::uint32_t field, float value);
  /// string, bytes, or a message inside this one.
  MessageWriter& bytes(std::uint32_t field, std::string_view value);
  /// A message inside this one.
  MessageWriter& message(std::uint32_t field, const MessageWriter& value) {
    return bytes(field, value.bytes_);
  }
  /// What has been written.
  const std::string& data() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void tag(std::uint32_t field, std::uint32_t wire_type) { varint(std::uint64_t{field} << 3 | wire_type); }

  std::string bytes_;
};

/// One field as it stands in a message.
struct WireField {
  std::uint32_t number = 0;
  std::uint32_t wire_type = 0;  ///< 0 varint, 1 eight bytes, 2 bytes with their length, 5 four bytes
  std::uint64_t value = 0;      ///< of types 0, 1 and 5
  std::string_view bytes;       ///< of type 2; borrowed from the message

  /// The value of a double.
  double real() const { return std::bit_cast<double>(value); }
  /// The value of a float.
  float real32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
};

/// Walks over the fields of one message. Takes any bytes.
class MessageReader {
 public:
  /// `message` must outlive the reader.
  explicit MessageReader(std::string_view message) : rest_(message) {}
  /// The next field; nothing at the end or where the bytes are not a message.
  std::optional<WireField> next();
  /// Whether next() stopped at bytes that are not a message.
  bool malformed() const { return malformed_; }

 private:
  std::optional<std::uint64_t> varint();
  std::optional<std::uint64_t> fixed(std::size_t width);

  std::string_view rest_;
  bool malformed_ = false;
};

}  // namespace amas::telemetry
