#include "monitor/request_series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>

namespace amas::monitor {
namespace {

constexpr std::int64_t kTick = 1'000'000;

// A simulated service: Poisson arrivals, latencies with a long tail, some errors.
struct Service {
  double requests_per_tick = 50;
  double latency_us = 2'000;
  double error_rate = 0.01;
};

class Requests : public testing::Test {
 protected:
  // Runs some ticks; returns the tick, from 1, at which each series first became active.
  std::map<std::string, int> run(const Service& service, int ticks) {
    std::map<std::string, int> first;
    std::poisson_distribution<int> arrivals(service.requests_per_tick);
    std::lognormal_distribution<double> latency(std::log(service.latency_us), 0.7);
    std::bernoulli_distribution error(service.error_rate);
    for (int tick = 1; tick <= ticks; ++tick) {
      const int requests = service.requests_per_tick > 0 ? arrivals(random_) : 0;
      for (int i = 0; i < requests; ++i)
        series_->add(!error(random_), static_cast<std::int64_t>(latency(random_)));
      clock_.advance_us(kTick);
      series_->advance();
      for (const AnomalyFinding& finding : series_->findings())
        if (finding.active) first.emplace(finding.series, tick);
    }
    return first;
  }

  bool active(const std::string& name) {
    for (const AnomalyFinding& finding : series_->findings())
      if (finding.series == name) return finding.active;
    ADD_FAILURE() << name;
    return false;
  }

  std::mt19937 random_{9};
  ManualClock clock_;
  std::unique_ptr<RequestSeries> series_ = std::make_unique<RequestSeries>(kTick, 60, clock_);
};

using Found = std::map<std::string, int>;

TEST_F(Requests, hours_of_normal_traffic_raise_no_alarm) {
  EXPECT_EQ(run({.requests_per_tick = 20}, 14'400), Found());
}

TEST_F(Requests, idle_hours_raise_no_alarm) {
  EXPECT_EQ(run({.requests_per_tick = 0}, 14'400), Found());
  EXPECT_EQ(run({.requests_per_tick = 3}, 300), Found());
}

TEST_F(Requests, hours_of_a_few_requests_now_and_then_raise_no_alarm) {
  EXPECT_EQ(run({.requests_per_tick = 0.05, .error_rate = 0.05}, 14'400), Found());
  EXPECT_EQ(run({.requests_per_tick = 2}, 14'400), Found());
}

TEST_F(Requests, say_what_makes_a_point_and_how_many_have_come) {
  run({.requests_per_tick = 0}, 30);
  const auto findings = series_->findings();
  EXPECT_EQ(findings[0].points, 0u);  // of latency, for want of requests
  EXPECT_EQ(findings[0].point_requests, 10u);
  EXPECT_EQ(findings[1].points, 0u);
  EXPECT_EQ(findings[2].points, 21u);  // of traffic, where none is a value as well
  EXPECT_EQ(findings[2].point_requests, 0u);
  for (const AnomalyFinding& finding : findings) EXPECT_EQ(finding.point_us, kTick);
}

TEST_F(Requests, slower_answers_are_found_within_seconds_and_named) {
  run({}, 120);
  const Found found = run({.latency_us = 4'000}, 10);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LE(found.at("latency"), 3);
}

TEST_F(Requests, faster_answers_are_unusual_too) {
  run({}, 120);
  EXPECT_EQ(run({.latency_us = 700}, 10), (Found{{"latency", 2}}));
}

TEST_F(Requests, a_burst_of_errors_is_found_within_seconds_and_named) {
  run({}, 120);
  EXPECT_EQ(run({.error_rate = 0.5}, 10), (Found{{"error_rate", 2}}));
  run({}, 60);
  const Found small = run({.error_rate = 0.1}, 20);
  ASSERT_EQ(small.size(), 1u);
  EXPECT_LE(small.at("error_rate"), 10);
}

TEST_F(Requests, fewer_errors_are_no_anomaly) {
  run({.error_rate = 0.3}, 120);
  EXPECT_EQ(run({.error_rate = 0}, 30), Found());
}

TEST_F(Requests, a_stop_of_traffic_is_found_and_becomes_the_baseline) {
  run({}, 120);
  EXPECT_EQ(run({.requests_per_tick = 0}, 30), (Found{{"traffic", 2}}));
  run({.requests_per_tick = 0}, 60);
  EXPECT_FALSE(active("traffic"));
}

TEST_F(Requests, a_flood_is_found) {
  run({}, 120);
  EXPECT_EQ(run({.requests_per_tick = 200}, 5), (Found{{"traffic", 2}}));
}

TEST_F(Requests, an_incident_that_ends_is_over_within_seconds) {
  run({}, 120);
  ASSERT_EQ(run({.latency_us = 6'000, .error_rate = 0.4}, 10).size(), 2u);
  run({}, 10);
  EXPECT_FALSE(active("latency"));
  EXPECT_FALSE(active("error_rate"));
}

TEST_F(Requests, an_anomaly_does_not_outlive_the_traffic) {
  run({}, 120);
  ASSERT_EQ(run({.latency_us = 6'000}, 10).size(), 1u);
  run({.requests_per_tick = 0}, 61);
  EXPECT_FALSE(active("latency"));
}

TEST_F(Requests, a_gap_of_years_costs_no_time) {
  run({}, 120);
  clock_.advance_us(std::int64_t{10} * 365 * 86'400 * kTick);
  series_->advance();
  EXPECT_FALSE(active("traffic"));
  EXPECT_EQ(series_->latency_us(0.5), 0);
}

// Detection delays over many incidents, against what the sum takes at the expected size of the shift.
TEST_F(Requests, delays_are_as_the_size_of_the_shift_says) {
  // ln 2 of latency at 50 requests, whose mean logarithm varies by 0.7/√50 = 0.1, below the floor of
  // 0.15: 4.6 deviations, 3.6 a tick after slack, and so the third tick.
  double delay = 0;
  constexpr int kIncidents = 40;
  for (int i = 0; i < kIncidents; ++i) {
    series_ = std::make_unique<RequestSeries>(kTick, 60, clock_);
    run({}, 60);
    delay += run({.latency_us = 4'000}, 20)["latency"] / double{kIncidents};
  }
  EXPECT_GE(delay, 2);
  EXPECT_LE(delay, 3.5);
}

TEST(LatencyCounts, quantiles_are_within_a_thirtieth_of_the_exact_ones) {
  std::mt19937 random(2);
  std::lognormal_distribution<double> latency(8, 2);
  LatencyCounts counts, none;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(static_cast<std::int64_t>(latency(random)));
    counts.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double q : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact = static_cast<double>(all[static_cast<std::size_t>(std::ceil(q * 20'000)) - 1]);
    EXPECT_NEAR(counts.quantile(none, q) / exact, 1, 1 / 30.0) << q;
  }
}

TEST(LatencyCounts, small_values_are_exact_and_large_ones_are_kept) {
  LatencyCounts counts, none;
  EXPECT_EQ(counts.quantile(none, 0.5), 0);
  for (std::int64_t value = 0; value < 32; ++value) {
    counts.clear();
    counts.add(value);
    EXPECT_EQ(counts.quantile(none, 0.5), static_cast<double>(value));
  }
  counts.clear();
  counts.add(std::int64_t{1} << 60);
  counts.add(-5);
  EXPECT_NEAR(counts.quantile(none, 1) / 4294967295.0, 1, 1 / 30.0);
  EXPECT_EQ(counts.quantile(none, 0), 0);
}

}  // namespace
}  // namespace amas::monitor
