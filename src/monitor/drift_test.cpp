#include "monitor/drift.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "base/file.h"
#include "base/json.h"

namespace amas::monitor {
namespace {

void feed(DriftStatistic& statistic, std::span<const std::uint64_t> counts) {
  for (std::size_t cell = 0; cell < counts.size(); ++cell)
    for (std::uint64_t i = 0; i < counts[cell]; ++i) {
      statistic.add(cell);
      statistic.end_row();
    }
}

std::vector<double> drawn_counts(const std::vector<double>& shares, int rows, std::mt19937& random) {
  std::discrete_distribution<std::size_t> cell(shares.begin(), shares.end());
  std::vector<double> counts(shares.size());
  for (int i = 0; i < rows; ++i) ++counts[cell(random)];
  return counts;
}

// How many windows of rows drawn from `live` end in each state, with a reference of 600 rows drawn from
// `normal`.
std::vector<int> verdicts(const std::vector<double>& normal, const std::vector<double>& live, int windows) {
  std::mt19937 random(11);
  std::vector<int> states(4);
  for (int done = 0; done < windows;) {
    DriftStatistic statistic(row_reference("s", drawn_counts(normal, 600, random)), {});
    std::discrete_distribution<std::size_t> cell(live.begin(), live.end());
    for (int window = 0; window < 20 && done < windows; ++window, ++done) {
      DriftState worst = DriftState::kLearning;
      for (int row = 0; row < 500; ++row) {
        statistic.add(cell(random));
        statistic.end_row();
        worst = std::max(worst, statistic.finding().state);
      }
      ++states[static_cast<std::size_t>(worst)];
    }
  }
  return states;
}

// Moves a share of the weight from the first half of the cells to the second.
std::vector<double> moved(std::vector<double> shares, double share) {
  for (std::size_t i = 0; i < shares.size(); ++i) shares[i] *= i < shares.size() / 2 ? 1 - share : 1 + share;
  return shares;
}

// By the definition: half the Kullback-Leibler divergences from the mean, in bits.
double distance(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i)
    sum += (p[i] * std::log2(2 * p[i] / (p[i] + q[i])) + q[i] * std::log2(2 * q[i] / (p[i] + q[i]))) / 2;
  return std::sqrt(sum);
}

const std::vector<double> kEven(10, 0.1);

TEST(DriftStatistic, has_scipy_s_distance_and_scipy_s_reach_of_chance) {
  const Json document = parse_json(read_file(AMAS_TEST_DATA_DIR "/drift_cases.json").value()).value();
  for (const Json& one : document["cases"]) {
    const auto window = one["window"].get<std::vector<std::uint64_t>>();
    const std::uint64_t rows = std::accumulate(window.begin(), window.end(), std::uint64_t{0});
    DriftStatistic statistic(row_reference("s", one["reference"]), {rows, rows, 0, 0});
    feed(statistic, window);
    const DriftFinding& finding = statistic.finding();
    const double by_chance = one["by_chance"], divergence = std::pow(one["distance"].get<double>(), 2);
    EXPECT_NEAR(finding.effect, std::sqrt(std::max(0.0, divergence - by_chance)), 1e-9);
    EXPECT_EQ(finding.rows, rows);
    // The quantiles come from Wilson and Hilferty's approximation, which is worst, and too large, at few
    // degrees of freedom.
    const double tolerance = window.size() < 4 ? 0.11 : 0.03;
    EXPECT_NEAR(finding.shifting_at / one["reach_shifting"].get<double>(), 1, tolerance) << one;
    EXPECT_NEAR(finding.drifted_at / one["reach_drifted"].get<double>(), 1, tolerance) << one;
  }
}

TEST(DriftStatistic, learns_until_there_are_enough_rows) {
  DriftStatistic statistic(row_reference("s", {1000, 0}), {500, 100, 0.1, 0.2});
  feed(statistic, std::vector<std::uint64_t>{0, 99});
  EXPECT_EQ(statistic.finding().state, DriftState::kLearning);
  EXPECT_EQ(statistic.finding().rows, 99u) << "those of the unfinished twentieth too";
  EXPECT_EQ(statistic.finding().rows_min, 100u);
  feed(statistic, std::vector<std::uint64_t>{0, 1});
  EXPECT_EQ(statistic.finding().state, DriftState::kDrifted);
  EXPECT_EQ(statistic.finding().rows, 100u);
}

TEST(DriftStatistic, says_how_many_rows_the_first_verdict_needs) {
  const auto rows_min = [](const DriftBounds& bounds) {
    return DriftStatistic(row_reference("s", {1, 1}), bounds).finding().rows_min;
  };
  EXPECT_EQ(rows_min({500, 110, 0.1, 0.2}), 125u) << "verdicts come every 25 rows";
  EXPECT_EQ(rows_min({40, 100, 0.1, 0.2}), 40u) << "a window holds no more";
  EXPECT_EQ(rows_min({1, 0, 0.1, 0.2}), 1u);
}

TEST(DriftStatistic, rows_that_share_nothing_with_the_reference_are_at_distance_one) {
  DriftStatistic statistic(row_reference("s", {1e9, 0}), {1'000'000, 1'000'000, 0.1, 0.2});
  feed(statistic, std::vector<std::uint64_t>{0, 1'000'000});
  EXPECT_NEAR(statistic.finding().effect, 1, 1e-6);
}

TEST(DriftStatistic, forgets_what_has_left_the_window) {
  DriftStatistic statistic(row_reference("s", {500, 500}), {});
  const std::vector<std::uint64_t> strange = {0, 100}, usual = {1, 1};
  for (int i = 0; i < 5; ++i) feed(statistic, strange);
  EXPECT_EQ(statistic.finding().state, DriftState::kDrifted);
  for (int i = 0; i < 250; ++i) feed(statistic, usual);
  EXPECT_EQ(statistic.finding().state, DriftState::kSteady);
  EXPECT_EQ(statistic.finding().effect, 0);
}

TEST(DriftStatistic, leaves_a_state_only_when_the_effect_is_clearly_smaller) {
  // Of windows that differ by growing parts: entered at 0.2 on the way up, left at 0.8 · 0.2 on the way down.
  double entered = 0, left = 0;
  DriftStatistic statistic(row_reference("s", {1e7, 1e7}), {20'000, 100, 0.1, 0.2});
  const auto window = [&](std::uint64_t first) {
    feed(statistic, std::vector<std::uint64_t>{first, 20'000 - first});
  };
  for (std::uint64_t first = 10'000; first >= 4'000; first -= 100) {
    window(first);
    if (statistic.finding().state == DriftState::kDrifted) break;
    entered = statistic.finding().effect;
  }
  for (std::uint64_t first = 4'000; first <= 10'000; first += 100) {
    window(first);
    if (statistic.finding().state != DriftState::kDrifted) break;
    left = statistic.finding().effect;
  }
  EXPECT_NEAR(entered, 0.2, 0.01);
  EXPECT_NEAR(left, 0.16, 0.01);
}

TEST(DriftStatistic, the_smallest_window_works) {
  DriftStatistic statistic(row_reference("s", {5, 5}), {1, 1, 0.1, 0.2});
  feed(statistic, std::vector<std::uint64_t>{3, 3});
  EXPECT_NE(statistic.finding().state, DriftState::kLearning);
}

TEST(DriftStatistic, normal_rows_raise_no_alarm) {
  const std::vector<int> states = verdicts(kEven, kEven, 1'000);
  EXPECT_EQ(states[1], 1'000);
}

TEST(DriftStatistic, shifts_are_found_by_their_size) {
  // Distances by the definition: 0.38 has to be called drifted, 0.22 noticed, and 0.05 is no matter.
  EXPECT_NEAR(distance(kEven, moved(kEven, 0.8)), 0.383, 0.001);
  EXPECT_NEAR(distance(kEven, moved(kEven, 0.5)), 0.221, 0.001);
  EXPECT_NEAR(distance(kEven, moved(kEven, 0.12)), 0.051, 0.001);
  EXPECT_EQ(verdicts(kEven, moved(kEven, 0.8), 200)[3], 200);
  const std::vector<int> noticed = verdicts(kEven, moved(kEven, 0.5), 200);
  EXPECT_GE(noticed[2] + noticed[3], 198);
  const std::vector<int> small = verdicts(kEven, moved(kEven, 0.12), 200);
  EXPECT_EQ(small[3], 0);
}

TEST(JoinThinBins, keeps_bins_that_can_stand_alone) {
  const std::vector<std::uint64_t> counts = {10, 20, 30};
  EXPECT_EQ(join_thin_bins(counts), (std::vector<std::uint16_t>{0, 1, 2}));
}

TEST(JoinThinBins, joins_thin_neighbours_and_leaves_what_remains_visible) {
  //                                         alone | 3 together | what remains | alone | empty end
  const std::vector<std::uint64_t> counts = {500, 10, 12, 15, 1, 2, 460, 0};
  EXPECT_EQ(join_thin_bins(counts), (std::vector<std::uint16_t>{0, 1, 1, 1, 2, 2, 3, 4}));
}

TEST(JoinThinBins, a_single_bin_is_a_single_cell) {
  EXPECT_EQ(join_thin_bins(std::vector<std::uint64_t>{7}), (std::vector<std::uint16_t>{0}));
}

TEST(DriftState, has_the_names_of_the_contract) {
  EXPECT_EQ(drift_state_name(DriftState::kLearning), "learning");
  EXPECT_EQ(drift_state_name(DriftState::kSteady), "steady");
  EXPECT_EQ(drift_state_name(DriftState::kShifting), "shifting");
  EXPECT_EQ(drift_state_name(DriftState::kDrifted), "drifted");
}

}  // namespace
}  // namespace amas::monitor
