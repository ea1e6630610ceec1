#include "train/leaderboard.h"

#include <gtest/gtest.h>

#include <cmath>

namespace amas::train {
namespace {

LeaderboardRow row(std::string candidate, double validation, double latency) {
  LeaderboardRow one;
  one.candidate = std::move(candidate);
  one.version = 3;
  one.variant = "int8";
  one.validation = validation;
  one.metrics = {{"accuracy", {0.9853, 0.9769, 0.9907}},
                 {"macro_f1", {0.9831, 0.975, 0.99}},
                 {"log_loss", {0.0512, 0.04, 0.06}},
                 {"baseline_accuracy", {0.675, 0.648, 0.701}}};
  one.latency_p50_us = latency;
  one.latency_p99_us = latency * 2;
  one.memory_bytes = 12'345'678;
  one.file_bytes = 900;
  return one;
}

std::vector<std::string> order(std::vector<LeaderboardRow> rows, bool lower_is_better) {
  rank(rows, lower_is_better);
  std::vector<std::string> names;
  for (const auto& one : rows) names.push_back(one.candidate);
  return names;
}

TEST(Leaderboard, ranks_by_the_metric_and_equal_ones_by_latency) {
  const std::vector<LeaderboardRow> rows{row("slow", 0.9, 50), row("quick", 0.9, 10), row("best", 0.95, 99),
                                         row("unmeasured", NAN, 1)};
  EXPECT_EQ(order(rows, false), (std::vector<std::string>{"best", "quick", "slow", "unmeasured"}));
  EXPECT_EQ(order(rows, true), (std::vector<std::string>{"quick", "slow", "best", "unmeasured"}));
}

TEST(Leaderboard, shows_every_candidate_beside_the_majority) {
  std::vector<LeaderboardRow> rows{row("linear", 0.987, 40), row("lstm", 0.98, 160)};
  rows[0].deployed = true;
  const auto table = leaderboard_table(rows, "f1");
  ASSERT_EQ(table.size(), 4u);
  EXPECT_EQ(table[0][4], "VALID F1");
  EXPECT_EQ(table[1], (std::vector<std::string>{"1", "linear", "3", "int8", "0.9870",
                                                "0.9853 [0.9769, 0.9907]", "0.9831 [0.9750, 0.9900]",
                                                "0.0512", "40 µs", "80 µs", "12.3 MB", "900 B", "deployed"}));
  EXPECT_EQ(table[2].back(), "");
  rows[0].runs_as = "int16";
  EXPECT_EQ(leaderboard_table(rows, "f1")[1][3], "int8 (as int16)");
  EXPECT_EQ(leaderboard_json(rows)[0]["runs_as"], "int16");
  EXPECT_TRUE(leaderboard_json(rows)[1]["runs_as"].is_null());
  EXPECT_EQ(table[3][1], "majority");
  EXPECT_EQ(table[3][5], "0.6750 [0.6480, 0.7010]");
}

TEST(Leaderboard, shows_a_dash_where_nothing_was_measured) {
  LeaderboardRow bare;
  bare.candidate = "lstm";
  bare.validation = NAN;
  const auto table = leaderboard_table({bare}, "roc_auc");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[1][4], "-");
  EXPECT_EQ(table[1][5], "-");
  EXPECT_EQ(leaderboard_table({}, "f1").size(), 1u);
}

TEST(Leaderboard, is_an_array_of_objects_for_machines) {
  std::vector<LeaderboardRow> rows{row("linear", 0.987, 40)};
  rows[0].metrics["roc_auc"] = {NAN, NAN, NAN};
  const Json list = Json::parse(dump_json(leaderboard_json(rows)));
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0]["candidate"], "linear");
  EXPECT_EQ(list[0]["version"], 3);
  EXPECT_EQ(list[0]["metrics"]["accuracy"]["low"], 0.9769);
  EXPECT_TRUE(list[0]["metrics"]["roc_auc"]["value"].is_null());
  EXPECT_EQ(list[0]["memory_bytes"], 12'345'678);
  EXPECT_EQ(list[0]["deployed"], false);
}

}  // namespace
}  // namespace amas::train
