#include "telemetry/record.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace amas::telemetry {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kFooterBytes = 4;

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t kPolynomial = 0x82F63B78;  // Castagnoli's, bits reversed
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t remainder = i;
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ (remainder & 1 ? kPolynomial : 0);
    table[i] = remainder;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view bytes) {
  std::uint64_t remainder = ~std::uint32_t{0};
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    remainder = _mm_crc32_u64(remainder, word);
    bytes.remove_prefix(8);
  }
  auto rest = static_cast<std::uint32_t>(remainder);
  for (const char byte : bytes) rest = _mm_crc32_u8(rest, static_cast<std::uint8_t>(byte));
  return ~rest;
}
#endif

void append_little_endian(std::string& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return value;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return crc32c_by_instruction(bytes);
#endif
  return crc32c_by_table(bytes);
}

std::uint32_t crc32c_by_table(std::string_view bytes) {
  std::uint32_t remainder = ~std::uint32_t{0};
  for (const char byte : bytes)
    remainder = remainder >> 8 ^ kTable[(remainder ^ static_cast<std::uint8_t>(byte)) & 0xFF];
  return ~remainder;
}

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

std::string frame_record(std::string_view data) {
  std::string record;
  record.reserve(kHeaderBytes + data.size() + kFooterBytes);
  append_little_endian(record, data.size(), 8);
  append_little_endian(record, masked_crc32c(record), 4);
  record += data;
  append_little_endian(record, masked_crc32c(data), 4);
  return record;
}

TakenRecord take_record(std::string_view& bytes, std::uint64_t data_bytes_max) {
  TakenRecord taken;
  if (bytes.size() < kHeaderBytes) return taken;
  if (little_endian(bytes.substr(8, 4)) != masked_crc32c(bytes.substr(0, 8))) return taken;
  taken.length = little_endian(bytes.substr(0, 8));
  if (taken.length > data_bytes_max) {
    taken.state = RecordState::kTooLong;
    return taken;
  }
  const std::string_view rest = bytes.substr(kHeaderBytes);
  if (rest.size() < kFooterBytes || rest.size() - kFooterBytes < taken.length) return taken;
  const std::string_view data = rest.substr(0, taken.length);
  if (little_endian(rest.substr(taken.length, 4)) != masked_crc32c(data)) return taken;
  taken.state = RecordState::kWhole;
  taken.data = data;
  bytes.remove_prefix(kHeaderBytes + taken.length + kFooterBytes);
  return taken;
}

}  // namespace amas::telemetry
