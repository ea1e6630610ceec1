#include "engines/forest/compiled.h"

#include <gtest/gtest.h>

#include <bit>

#include "engines/forest/column_blocks.h"
#include "engines/forest/plain_walk.h"
#include "engines/forest/processor.h"
#include "engines/forest/threshold.h"

namespace amas::engines::forest {
namespace {

using plain::Kinds;

Forest stump() {
  Forest forest;
  forest.features = 1;
  forest.nodes = {{.test = Condition::kLess, .threshold = 1, .yes = 1, .no = 2},
                  {.yes = 0, .no = 1},
                  {.yes = 1, .no = 2}};
  forest.roots = {0};
  forest.votes = {{0, 10}, {0, 20}};
  return forest;
}

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

template <class T>
std::vector<double> run(const Forest& forest, const Rows<T>& rows, Paths paths = Paths::kQuickest) {
  const auto compiled = compile<T>(forest, paths);
  if (!compiled) throw std::runtime_error(compiled.error().message);
  std::vector<double> out(rows.count * static_cast<std::size_t>(forest.targets));
  (*compiled)->margins(rows, out, {});
  return out;
}

/// Rows of Ts through a random forest, held against the plain walk bit by bit.
template <class T>
void check(const Kinds& kinds, std::mt19937& random) {
  const Forest forest = plain::random_forest(kinds, random);
  const std::size_t rows = 1 + random() % 150;
  const auto width = static_cast<std::size_t>(kinds.features);
  const auto data = plain::random_rows<T>(rows, kinds.features, random);
  const auto out = run<T>(forest, {data.data(), rows, kinds.features, 1});
  const auto portable = run<T>(forest, {data.data(), rows, kinds.features, 1}, Paths::kPortable);
  for (std::size_t i = 0; i < out.size(); ++i) ASSERT_TRUE(same_bits(out[i], portable[i])) << "margin " << i;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::vector<double> values(data.begin() + static_cast<std::ptrdiff_t>(row * width),
                                     data.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
    const auto expected = plain::margins(forest, values);
    for (std::size_t target = 0; target < expected.size(); ++target)
      ASSERT_TRUE(same_bits(out[row * expected.size() + target], expected[target]))
          << "row " << row << " target " << target << ": " << out[row * expected.size() + target]
          << " is not " << expected[target];
  }
}

TEST(CompiledForest, gives_the_bits_of_a_plain_walk_in_any_order_of_tests_and_numbers) {
  std::mt19937 random(7);
  for (int i = 0; i < 150; ++i) {
    Kinds kinds;
    kinds.number = i % 2 == 0 ? Number::kFloat32 : Number::kFloat64;
    kinds.features = 1 + static_cast<std::int32_t>(random() % 12);
    kinds.targets = 1 + static_cast<std::int32_t>(i % 3 == 0 ? random() % 4 : 0);
    kinds.depth_max = static_cast<std::int32_t>(random() % (i % 5 == 0 ? 13 : 9));
    kinds.trees = random() % 40;
    kinds.all_tests = i % 4 == 3;
    kinds.zero_missing = i % 2 == 1 && i % 3 == 1;
    kinds.many_votes = i % 7 == 6;
    kinds.aggregate = static_cast<Aggregate>(kinds.trees == 0 ? 0 : random() % 4);
    kinds.base = i % 3 == 1;
    ASSERT_NO_FATAL_FAILURE(check<float>(kinds, random)) << "forest " << i << " of float rows";
    ASSERT_NO_FATAL_FAILURE(check<double>(kinds, random)) << "forest " << i << " of double rows";
  }
}

TEST(CompiledForest, reads_strided_rows_where_they_lie) {
  std::mt19937 random(8);
  const Forest forest = plain::random_forest({.features = 3, .trees = 30}, random);
  constexpr std::size_t kRows = 77;
  const auto rows = plain::random_rows<float>(kRows, 3, random);
  const auto expected = run<float>(forest, {rows.data(), kRows, 3, 1});
  std::vector<float> columns(kRows * 3), wide(kRows * 10, -9.0F);
  for (std::size_t row = 0; row < kRows; ++row)
    for (std::size_t c = 0; c < 3; ++c) {
      columns[c * kRows + row] = rows[row * 3 + c];
      wide[row * 10 + 2 * c + 4] = rows[row * 3 + c];
    }
  EXPECT_EQ(run<float>(forest, {columns.data(), kRows, 1, kRows}), expected);
  EXPECT_EQ(run<float>(forest, {wide.data() + 4, kRows, 10, 2}), expected);
  EXPECT_EQ(run<float>(forest, {rows.data() + (kRows - 1) * 3, kRows, -3, 1}),
            std::vector<double>(expected.rbegin(), expected.rend()));
}

TEST(CompiledForest, answers_do_not_depend_on_the_batch) {
  std::mt19937 random(9);
  const Forest forest = plain::random_forest({.trees = 50, .base = true}, random);
  const auto rows = plain::random_rows<float>(100, 5, random);
  const auto all = run<float>(forest, {rows.data(), 100, 5, 1});
  for (std::size_t row = 0; row < 100; ++row)
    EXPECT_TRUE(same_bits(run<float>(forest, {rows.data() + row * 5, 1, 5, 1})[0], all[row]));
}

/// What this processor can do beside what it does best.
TEST(BlockWalks, of_every_kind_pick_the_leaves_that_a_walk_ends_in) {
  std::mt19937 random(10);
  constexpr std::size_t kColumns = 7;
  for (const BlockWalks* walks : block_walks())
    for (int depth = 1; depth <= kBlockDepthMax; ++depth) {
      std::vector<ShallowNode<float>> nodes(std::size_t{1} << depth);
      const auto thresholds = plain::random_rows<float>(nodes.size(), 1, random);
      for (std::size_t i = 0; i < nodes.size(); ++i)
        nodes[i] = {thresholds[i], 0, static_cast<std::uint16_t>(random() % kColumns)};
      const auto leaves = plain::random_rows<float>(nodes.size(), 1, random);
      const auto values = plain::random_rows<float>(kBlockRows, kColumns, random);
      ColumnBlocks blocks;
      blocks.fill(std::vector<Column>{{0}, {1}, {2}, {3}, {4}, {5}, {6}},
                  {values.data(), kBlockRows, kColumns, 1}, 0, kBlockRows);
      alignas(64) std::array<float, kBlockRows> picked;
      walks->of_depth[depth](nodes.data(), leaves.data(), blocks.at(0), kBlockRows, picked.data());
      for (std::size_t row = 0; row < kBlockRows; ++row) {
        std::size_t at = 1;
        while (at < nodes.size())
          at = 2 * at + (values[row * kColumns + nodes[at].column] <= nodes[at].threshold ? 0 : 1);
        EXPECT_TRUE(
            same_bits(static_cast<double>(picked[row]), static_cast<double>(leaves[at - nodes.size()])))
            << walks->name << " depth " << depth << " row " << row;
      }
    }
}

TEST(CompiledForest, tells_which_targets_had_a_vote) {
  Forest forest = stump();
  forest.targets = 3;
  forest.votes = {{0, 1}, {2, 1}};
  const auto compiled = compile<float>(forest);
  ASSERT_TRUE(compiled);
  const std::vector<float> rows{0, 5};
  std::vector<double> margins(6);
  std::vector<std::uint8_t> voted(6, 9);
  (*compiled)->margins({rows.data(), 2, 1, 1}, margins, voted);
  EXPECT_EQ(voted, (std::vector<std::uint8_t>{1, 0, 0, 0, 0, 1}));
}

TEST(CompiledForest, walks_a_tree_a_hundred_thousand_levels_deep) {
  constexpr std::int32_t kLevels = 100'000;
  Forest forest;
  forest.features = 1;
  for (std::int32_t i = 0; i < kLevels; ++i) {
    forest.nodes.push_back(
        {.test = Condition::kLess, .threshold = static_cast<double>(i), .yes = kLevels + i, .no = i + 1});
    forest.votes.push_back({0, static_cast<double>(i)});
  }
  for (std::int32_t i = 0; i <= kLevels; ++i) forest.nodes.push_back({.yes = i, .no = i + 1});
  forest.votes.push_back({0, -1});
  forest.nodes[kLevels - 1].no = 2 * kLevels;
  forest.roots = {0};
  const std::vector<float> rows{-5, 77.5F, 1e9F};
  EXPECT_EQ(run<float>(forest, {rows.data(), 3, 1, 1}), (std::vector<double>{0, 78, -1}));
}

/// More features than a node of a complete tree can name.
TEST(CompiledForest, reads_features_far_to_the_right) {
  constexpr std::int32_t kFeatures = 70'000;
  Forest forest = stump();
  forest.features = kFeatures;
  forest.nodes = {};
  forest.roots = {};
  for (std::int32_t i = 0; i < kFeatures; ++i) {
    forest.roots.push_back(3 * i);
    forest.nodes.push_back({.test = Condition::kLess,
                            .missing = i % 2 == 0 ? Missing::kNanYes : Missing::kNanNo,
                            .feature = i,
                            .threshold = 1,
                            .yes = 3 * i + 1,
                            .no = 3 * i + 2});
    forest.nodes.push_back({.yes = 0, .no = 1});
    forest.nodes.push_back({.yes = 1, .no = 2});
  }
  std::vector<float> rows(2 * kFeatures, std::nanf(""));
  std::fill_n(rows.begin(), kFeatures, 5.0F);
  rows[kFeatures - 1] = 0;
  EXPECT_EQ(run<float>(forest, {rows.data(), 2, kFeatures, 1}),
            (std::vector<double>{20.0 * (kFeatures - 1) + 10, 15.0 * kFeatures}));
}

void expect_refused(Forest forest, std::string_view because) {
  const auto compiled = compile<float>(forest);
  ASSERT_FALSE(compiled) << because;
  EXPECT_EQ(compiled.error().code, Code::kInvalidArgument);
  EXPECT_NE(compiled.error().message.find(because), std::string::npos) << compiled.error().message;
}

TEST(CompiledForest, refuses_what_is_no_forest) {
  ASSERT_TRUE(compile<float>(stump()));
  Forest bad = stump();
  bad.nodes[0].no = 0;
  expect_refused(bad, "reached twice");
  bad = stump();
  bad.nodes[0].no = 1;
  expect_refused(bad, "reached twice");
  bad = stump();
  bad.nodes[0].yes = 3;
  expect_refused(bad, "a child is outside");
  bad = stump();
  bad.roots = {0, 0};
  expect_refused(bad, "reached twice");
  bad = stump();
  bad.roots = {1};
  expect_refused(bad, "no root reaches it");
  bad = stump();
  bad.roots = {-1};
  expect_refused(bad, "root outside");
  bad = stump();
  bad.nodes[0].threshold = std::numeric_limits<double>::quiet_NaN();
  expect_refused(bad, "not a number");
  bad = stump();
  bad.nodes[0].feature = 1;
  expect_refused(bad, "feature 1 of 1");
  bad = stump();
  bad.nodes[2].no = 9;
  expect_refused(bad, "votes lie outside");
  bad = stump();
  bad.votes[1].target = 1;
  expect_refused(bad, "target 1 of 1");
  bad = stump();
  bad.nodes[0].test = Condition::kMember;
  expect_refused(bad, "set is missing");
  bad.nodes[0].set = 0;
  bad.sets = {{2, 1}};
  expect_refused(bad, "not finite and rising");
  bad = stump();
  bad.nodes[0].missing = Missing::kZeroNo;
  expect_refused(bad, "zero stands for missing");
  bad = stump();
  bad.base = {1, 2};
  expect_refused(bad, "2 base values");
}

/// Both sides of a threshold, for every float that is hard to round to.
TEST(Thresholds, of_float_forests_cut_doubles_where_the_cast_to_float_cuts_them) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float cut : {0.0F, -0.0F, 1.0F, 1.0000001F, -1.0000001F, 1e-45F, -1e-45F, 3.4028235e38F,
                          -3.4028235e38F, kInfinity, -kInfinity})
    for (const Condition test :
         {Condition::kLess, Condition::kLessEqual, Condition::kGreater, Condition::kGreaterEqual}) {
      const Node node{.test = test, .threshold = static_cast<double>(cut), .yes = 1, .no = 2};
      const auto decision = decision_of<double>(node, Number::kFloat32);
      for (const float neighbour : {std::nextafter(cut, -kInfinity), cut, std::nextafter(cut, kInfinity)}) {
        const double middle = std::isinf(neighbour)
                                  ? std::copysign(0x1.ffffffp127, neighbour)
                                  : (static_cast<double>(neighbour) + static_cast<double>(cut)) / 2;
        for (const double x : {std::nextafter(middle, -1e308), middle, std::nextafter(middle, 1e308)}) {
          const auto seen = static_cast<float>(x);
          const bool yes = test == Condition::kLess        ? seen < cut
                           : test == Condition::kLessEqual ? seen <= cut
                           : test == Condition::kGreater   ? seen > cut
                                                           : seen >= cut;
          EXPECT_EQ(x <= decision.threshold ? decision.left : decision.right, yes ? 1 : 2)
              << x << " against " << cut << " by test " << static_cast<int>(test);
        }
      }
    }
}

}  // namespace
}  // namespace amas::engines::forest
