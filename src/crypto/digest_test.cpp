#include "crypto/digest.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace amas::crypto {
namespace {

// The examples that NIST publishes with FIPS 180-4.
constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
const std::string kMillion(1'000'000, 'a');

TEST(Digest, sha256_gives_the_values_of_the_standard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(kTwoBlocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(kMillion), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, sha1_gives_the_values_of_the_standard) {
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex(kTwoBlocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(kMillion), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Digest, of_a_file_is_that_of_its_content) {
  const TemporaryFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1} << 16, kMillion.size()}) {
    ASSERT_TRUE(write_file_atomic(folder.path() / "file", kMillion.substr(0, size)).has_value());
    EXPECT_EQ(*sha256_file(folder.path() / "file"), sha256_hex(kMillion.substr(0, size)));
  }
}

TEST(Digest, of_a_file_that_cannot_be_read_is_an_error) {
  const TemporaryFolder folder;
  EXPECT_EQ(sha256_file(folder.path() / "none").error().code, Code::kNotFound);
  EXPECT_FALSE(sha256_file(folder.path()).has_value()) << "a folder";
}

}  // namespace
}  // namespace amas::crypto
