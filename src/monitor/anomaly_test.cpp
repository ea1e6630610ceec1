#include "monitor/anomaly.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace amas::monitor {
namespace {

// How many values of this size it takes to fire, at most 10,000.
int steps_to_fire(double z) {
  Cusum cusum;
  for (int i = 1; i <= 10'000; ++i) {
    cusum.add(z);
    if (cusum.sum() >= Cusum::kThreshold) return i;
  }
  return 0;
}

TEST(Cusum, fires_after_as_many_steady_values_as_the_sum_takes) {
  EXPECT_EQ(steps_to_fire(3), 4);   // 2 a step
  EXPECT_EQ(steps_to_fire(2), 8);   // 1 a step
  EXPECT_EQ(steps_to_fire(-2), 8);  // both sides
  EXPECT_EQ(steps_to_fire(1.5), 16);
  EXPECT_EQ(steps_to_fire(1), 0);    // all forgiven
  EXPECT_EQ(steps_to_fire(1e9), 2);  // a value counts no more than 6
}

TEST(Cusum, comes_back_within_six_values) {
  Cusum cusum;
  for (int i = 0; i < 1'000; ++i) cusum.add(5);
  for (int i = 0; i < 7; ++i) cusum.add(0);
  EXPECT_LT(cusum.sum(), Cusum::kThreshold / 2);
}

// Siegmund 1985: a one-sided sum of normal values of mean m fires after (e^-2Δb + 2Δb - 1) / 2Δ² values on
// average, where Δ = m - k and b = h + 1.166; right within a few percent.
TEST(Cusum, takes_as_long_as_theory_says) {
  std::mt19937 random(1);
  for (const double mean : {1.25, 1.5, 2.0}) {
    std::normal_distribution<double> noise(mean, 1);
    double steps = 0;
    constexpr int kRuns = 3'000;
    for (int run = 0; run < kRuns; ++run) {
      Cusum cusum;
      while (cusum.sum() < Cusum::kThreshold) {
        cusum.add(noise(random));
        ++steps;
      }
    }
    const double drift = mean - Cusum::kSlack, b = Cusum::kThreshold + 1.166;
    const double theory = (std::exp(-2 * drift * b) + 2 * drift * b - 1) / (2 * drift * drift);
    EXPECT_NEAR(steps / kRuns / theory, 1, 0.05) << mean;
  }
}

class Series : public testing::Test {
 protected:
  // Adds points of some mean and noise; returns how many it took to become active, or 0.
  int run(double mean, int points, double noise = 1) {
    std::normal_distribution<double> value(mean, noise);
    int active_at = 0;
    for (int i = 1; i <= points; ++i) {
      const double y = value(random_);
      series_.add({y, y, 0.1}, ++now_us_);
      if (series_.finding().active && active_at == 0) active_at = i;
    }
    return active_at;
  }
  bool active() const { return series_.finding().active; }

  std::mt19937 random_{5};
  AnomalySeries series_{"s", {}, 60};
  std::int64_t now_us_ = 1'000;
};

TEST_F(Series, hours_of_noise_raise_no_alarm) { EXPECT_EQ(run(50, 14'400), 0); }

TEST_F(Series, beginning_to_watch_raises_no_alarm) {
  int alarms = 0;
  for (int i = 0; i < 1'000; ++i) {
    series_ = AnomalySeries("s", {}, 60);
    alarms += run(50, 60) > 0;
  }
  EXPECT_LE(alarms, 2);
}

TEST_F(Series, a_step_of_three_deviations_is_found_within_ten_points) {
  constexpr int kSteps = 200;
  int found = 0;
  double delay = 0;
  for (int i = 0; i < kSteps; ++i) {
    series_ = AnomalySeries("s", {}, 60);
    run(50, 60);
    const int points = run(i % 2 ? 53 : 47, 30);
    found += points > 0;
    delay += points;
  }
  EXPECT_GE(found, kSteps * 95 / 100);
  // Were the deviation known it would be 4.6 points (Siegmund); it is taken 1.26 times as large, which
  // gives 6.4.
  EXPECT_GT(delay / found, 4.6);
  EXPECT_LT(delay / found, 7.5);
}

TEST_F(Series, a_single_wild_point_is_not_enough_unless_it_is_very_wild) {
  run(50, 60);
  series_.add({58, 58, 0.1}, 1);
  EXPECT_FALSE(active());
  series_.add({80, 80, 0.1}, 77);
  EXPECT_TRUE(active());
  EXPECT_EQ(series_.finding().since_us, 77);
  EXPECT_EQ(series_.finding().value, 80);
  EXPECT_NEAR(series_.finding().baseline, 50, 0.5);
  EXPECT_GE(series_.finding().score, 1);
}

TEST_F(Series, ends_soon_after_the_values_are_normal_again) {
  run(50, 60);
  ASSERT_GT(run(56, 10), 0);
  run(50, 10);
  EXPECT_FALSE(active());
  EXPECT_EQ(series_.finding().since_us, 0);
}

TEST_F(Series, what_lasts_becomes_the_new_baseline) {
  run(50, 60);
  ASSERT_GT(run(56, 10), 0);
  run(56, 60);
  EXPECT_FALSE(active());
  EXPECT_NEAR(series_.finding().baseline, 56, 0.5);
  EXPECT_GT(run(50, 10), 0);  // and the old one is unusual now
}

TEST_F(Series, judges_nothing_before_a_third_of_the_baseline) { EXPECT_EQ(run(50, 10) + run(500, 10), 0); }

TEST_F(Series, says_that_it_is_learning_until_the_first_verdict) {
  EXPECT_EQ(anomaly_state_name(series_.finding()), "learning");
  EXPECT_EQ(series_.finding().points, 0u);
  EXPECT_EQ(series_.finding().points_min, 21u);  // a third of the baseline, and the one that is judged by it
  run(50, 20);
  EXPECT_EQ(series_.finding().points, 20u);
  EXPECT_EQ(anomaly_state_name(series_.finding()), "learning");
  EXPECT_EQ(series_.finding().baseline, 0);
  run(50, 1);
  EXPECT_EQ(anomaly_state_name(series_.finding()), "usual");
  EXPECT_NE(series_.finding().baseline, 0);
  run(50, 60);
  EXPECT_EQ(series_.finding().points, 21u);
  run(60, 10);
  EXPECT_EQ(anomaly_state_name(series_.finding()), "unusual");
}

TEST_F(Series, values_without_spread_are_judged_by_the_least_noise) {
  run(50, 60, 0);
  EXPECT_EQ(run(50.09, 100, 0), 0);  // 0.9 of the least deviation
  EXPECT_GT(run(51, 5, 0), 0);
}

TEST_F(Series, less_than_usual_is_no_anomaly_where_the_rules_say_so) {
  series_ = AnomalySeries("s", {.down = false}, 60);
  run(50, 60);
  EXPECT_EQ(run(10, 20), 0);
}

TEST_F(Series, below_the_least_baseline_there_is_no_verdict) {
  series_ = AnomalySeries("s", {.baseline_min = 5}, 60);
  run(1, 60);
  EXPECT_EQ(run(100, 20), 0);
}

TEST_F(Series, settles_when_told_that_no_points_come) {
  run(50, 60);
  ASSERT_GT(run(56, 10), 0);
  series_.settle();
  EXPECT_FALSE(active());
}

}  // namespace
}  // namespace amas::monitor
