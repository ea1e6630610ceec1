#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace amas::telemetry {

/// CRC-32C (Castagnoli) of bytes; by the processor's own instruction where it has one.
std::uint32_t crc32c(std::string_view bytes);

/// The same by table, on any processor.
std::uint32_t crc32c_by_table(std::string_view bytes);

/// The checksum as TFRecord stores it: rotated and shifted, so that the CRC of data that holds CRCs stays
/// strong.
std::uint32_t masked_crc32c(std::string_view bytes);

/// One TFRecord: length, checksum of the length, the data, checksum of the data; all little-endian.
std::string frame_record(std::string_view data);

/// What stands at the front of some bytes.
enum class RecordState {
  kWhole,    ///< a record with right checksums
  kTorn,     ///< the bytes end within a record, or a checksum is wrong
  kTooLong,  ///< a right header announces more than was allowed
};

/// A record found by take_record().
struct TakenRecord {
  RecordState state = RecordState::kTorn;
  std::string_view data;     ///< of a whole record; borrowed
  std::uint64_t length = 0;  ///< of the data, where the header is right
};

/// Takes the record at the front of `bytes` and moves `bytes` behind it; leaves `bytes` as they are when
/// there is none.
TakenRecord take_record(std::string_view& bytes, std::uint64_t data_bytes_max);

}  // namespace amas::telemetry
