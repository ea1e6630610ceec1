#include "api/json/target.h"

#include <gtest/gtest.h>

#include "api/json/base64.h"

namespace amas::json {
namespace {

TEST(Target, decodes_percent_signs_and_leaves_stray_ones) {
  EXPECT_EQ(percent_decode("a%20b%2Fc%5f"), "a b/c_");
  EXPECT_EQ(percent_decode("%"), "%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%-1"), "%zz%-1");
  EXPECT_EQ(percent_decode("%E4%BD%A0"), "\xE4\xBD\xA0");
}

TEST(Target, reads_versions_from_one_up) {
  EXPECT_EQ(parse_version("1"), 1);
  EXPECT_EQ(parse_version("01"), 1);
  EXPECT_EQ(parse_version("9223372036854775807"), 9223372036854775807);
  for (const char* text : {"", "0", "-1", "+1", "1x", "abc", "9223372036854775808"})
    EXPECT_FALSE(parse_version(text).has_value()) << text;
}

TEST(Target, takes_prefixes_whatever_their_case) {
  std::string_view path = "/V1/Models/x";
  EXPECT_TRUE(take_prefix(path, "/v1/models"));
  EXPECT_EQ(path, "/x");
  EXPECT_FALSE(take_prefix(path, "/xy"));
}

// The vectors of RFC 4648, section 10.
TEST(Base64, writes_and_reads_the_vectors_of_its_rfc) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
  EXPECT_EQ(from_base64("Zm8"), "fo");
  for (const char* text : {"Z", "Zm9v!", "Zm=9", "===="}) EXPECT_FALSE(from_base64(text).has_value()) << text;
}

}  // namespace
}  // namespace amas::json
