#include "telemetry/record.h"

#include <gtest/gtest.h>

#include <random>

namespace amas::telemetry {
namespace {

TEST(Record, crc32c_gives_the_published_values) {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  std::string ascending(32, '\0'), descending(32, '\0');
  for (int i = 0; i < 32; ++i) ascending[i] = static_cast<char>(i), descending[i] = static_cast<char>(31 - i);
  const std::pair<std::string, std::uint32_t> known[] = {
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {ascending, 0x46DD794E},
      {descending, 0x113FDB5C},
  };
  for (const auto& [text, crc] : known) {
    EXPECT_EQ(crc32c(text), crc);
    EXPECT_EQ(crc32c_by_table(text), crc);
  }
}

TEST(Record, the_instruction_and_the_table_agree_at_every_length) {
  std::mt19937 random(1);
  std::string bytes;
  for (int length = 0; length < 100; ++length) {
    EXPECT_EQ(crc32c(bytes), crc32c_by_table(bytes)) << length;
    bytes += static_cast<char>(random());
  }
}

TEST(Record, the_mask_is_tensorflow_s) {
  // A vector of TensorBoard's own reader (masked_crc.rs).
  EXPECT_EQ(masked_crc32c("\x1a\x11"
                          "CRC test, one two"),
            0x5794D08Au);
}

TEST(Record, what_was_framed_is_taken_again) {
  const std::string framed = frame_record("one") + frame_record("") + frame_record(std::string(1000, 'x'));
  std::string_view rest = framed;
  EXPECT_EQ(take_record(rest, 1000).data, "one");
  EXPECT_EQ(take_record(rest, 1000).state, RecordState::kWhole);
  EXPECT_EQ(take_record(rest, 1000).data.size(), 1000u);
  EXPECT_TRUE(rest.empty());
}

TEST(Record, every_cut_and_every_wrong_bit_is_noticed) {
  const std::string framed = frame_record("some data");
  for (std::size_t length = 0; length < framed.size(); ++length) {
    std::string_view rest = std::string_view(framed).substr(0, length);
    EXPECT_EQ(take_record(rest, 1000).state, RecordState::kTorn) << length;
    EXPECT_EQ(rest.size(), length);
  }
  for (std::size_t bit = 0; bit < framed.size() * 8; ++bit) {
    std::string wrong = framed;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << (bit % 8));
    std::string_view rest = wrong;
    EXPECT_EQ(take_record(rest, 1000).state, RecordState::kTorn) << bit;
  }
}

TEST(Record, a_right_header_beyond_the_limit_is_told_apart) {
  const std::string framed = frame_record("four");
  std::string_view rest = framed;
  const TakenRecord record = take_record(rest, 3);
  EXPECT_EQ(record.state, RecordState::kTooLong);
  EXPECT_EQ(record.length, 4u);
}

}  // namespace
}  // namespace amas::telemetry
