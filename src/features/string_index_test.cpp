#include "features/string_index.h"

#include <gtest/gtest.h>

#include <random>
#include <unordered_map>

namespace amas::features {
namespace {

TEST(StringIndex, finds_nothing_when_empty) {
  const StringIndex index;
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.find("a"), StringIndex::kNone);
  index.prefetch(1);
}

TEST(StringIndex, agrees_with_the_standard_map_on_random_strings_of_all_lengths) {
  std::mt19937 random(5);
  StringIndex index;
  std::unordered_map<std::string, std::uint32_t> map;
  for (int i = 0; i < 20'000; ++i) {
    std::string key(random() % 40, '\0');
    for (char& c : key) c = static_cast<char>('a' + random() % 3);
    const auto id = map.try_emplace(key, static_cast<std::uint32_t>(map.size())).first->second;
    ASSERT_EQ(index.insert(key), id);
  }
  ASSERT_EQ(index.size(), map.size());
  for (const auto& [key, id] : map) {
    EXPECT_EQ(index.find(key), id);
    EXPECT_EQ(index.at(id), key);
    EXPECT_EQ(index.find(key + "z"), map.contains(key + "z") ? map.at(key + "z") : StringIndex::kNone);
  }
}

TEST(StringIndex, keeps_its_strings_when_room_is_reserved_late) {
  StringIndex index;
  index.insert("one");
  index.insert("");
  index.reserve(10'000);
  EXPECT_EQ(index.find("one"), 0u);
  EXPECT_EQ(index.find(""), 1u);
  EXPECT_EQ(index.insert("one"), 0u);
}

TEST(StringIndex, tells_strings_of_one_hash_apart_by_every_byte) {
  for (std::size_t size = 5; size < 40; ++size) {
    const std::string plain(size, 'a');
    StringIndex index;
    index.insert(plain);
    ASSERT_EQ(index.find(plain, hash_string(plain)), 0u);
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = plain;
      other[at] = 'b';
      EXPECT_EQ(index.find(other, hash_string(plain)), StringIndex::kNone) << size << " " << at;
    }
    EXPECT_EQ(index.find(plain + "a", hash_string(plain)), StringIndex::kNone);
    EXPECT_EQ(index.find(plain.substr(1), hash_string(plain)), StringIndex::kNone);
  }
}

TEST(StringIndex, tells_short_strings_apart_by_half_a_hash) {
  const std::string bytes("\0\1\4a\xff", 5);
  std::vector<std::string> keys{""};
  for (std::size_t from = 0; keys.back().size() < 4; ++from)
    for (const char byte : bytes) keys.push_back(keys[from] + byte);
  StringIndex index;
  for (const std::string& key : keys) index.insert(key);
  ASSERT_EQ(index.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(index.find(keys[i]), i);
    for (const std::string& other : keys) {
      if (other == keys[i]) continue;
      EXPECT_NE(hash_string(other) >> 32, hash_string(keys[i]) >> 32);
    }
  }
}

TEST(StringIndex, hash_reads_every_byte) {
  for (std::size_t size = 1; size < 70; ++size) {
    const std::string plain(size, 'a');
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = plain;
      other[at] = 'b';
      EXPECT_NE(hash_string(plain), hash_string(other)) << size << " " << at;
    }
  }
}

}  // namespace
}  // namespace amas::features
