#include "features/term_counts.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace amas::features {
namespace {

// Counts random terms below `end` and compares with the standard map.
void expect_right(TermCounts& counts, std::mt19937& random, std::size_t terms, std::uint32_t end) {
  std::map<std::uint32_t, std::uint32_t> expected;
  std::vector<std::uint32_t> order;
  counts.begin(terms / 7);
  for (std::size_t i = 0; i < terms; ++i) {
    const auto term = static_cast<std::uint32_t>(random() % end);
    if (++expected[term] == 1) order.push_back(term);
    counts.add(term);
  }
  ASSERT_EQ(counts.entries().size(), expected.size());
  for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(counts.entries()[i].term, order[i]);
  counts.sort(end);
  ASSERT_EQ(counts.entries().size(), expected.size());
  auto next = expected.begin();
  for (const auto& [term, count] : counts.entries()) {
    ASSERT_EQ(term, next->first);
    ASSERT_EQ(count, (next++)->second);
  }
}

TEST(TermCounts, agree_with_the_standard_map_from_text_to_text_short_and_long) {
  std::mt19937 random(3);
  TermCounts counts;
  for (const std::size_t terms : {0, 1, 50'000, 3, 63, 64, 700, 20'000, 12})
    for (const std::uint32_t end : {1u, 255u, 256u, 50'000u, 2'000'000'000u})
      expect_right(counts, random, terms, end);
  EXPECT_GT(counts.bytes(), 0u);
}

}  // namespace
}  // namespace amas::features
