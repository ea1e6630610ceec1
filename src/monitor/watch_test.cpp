#include "monitor/watch.h"

#include <gtest/gtest.h>

#include <thread>

namespace amas::monitor {
namespace {

using features::TextObservation;

// Half of the texts have 10 words, half 20, all of bucket 1; scores lie at both ends.
std::vector<TextObservation> texts(std::size_t rows, std::uint32_t unknown = 0) {
  std::vector<TextObservation> all(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    all[i].tokens = i % 2 == 0 ? 10 : 20;
    all[i].characters = all[i].tokens * 5;
    all[i].unknown = unknown;
    all[i].buckets[0] = static_cast<std::uint16_t>(unknown);
    all[i].buckets[1] = static_cast<std::uint16_t>(all[i].tokens - unknown);
  }
  return all;
}

std::vector<float> scores(std::size_t rows) {
  std::vector<float> all;
  for (std::size_t i = 0; i < rows; ++i) {
    const float last = i % 2 == 0 ? 0.05f : 0.95f;
    all.insert(all.end(), {1 - last, last});
  }
  return all;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

class WatchTest : public testing::Test {
 protected:
  void add(const std::string& deployment = "spam", std::int64_t version = 1) {
    watch_.add(deployment, version, model::make_profile(texts(600), scores(600), 2), {"ham", "spam"});
  }
  void feed(std::size_t rows, std::uint32_t unknown = 0) {
    watch_.on_rows("spam", 1, texts(rows, unknown), scores(rows), 2);
  }
  DriftState state(const std::string& statistic) {
    const WatchReport report = watch_.reports().at(0);
    for (const DriftFinding& finding : report.drift)
      if (finding.statistic == statistic) return finding.state;
    ADD_FAILURE() << statistic;
    return {};
  }

  telemetry::MetricRegistry metrics_;
  ManualClock clock_;
  Watch watch_{{}, metrics_, clock_};
};

TEST_F(WatchTest, reports_each_version_by_deployment_and_number) {
  add("spam", 2);
  add("news", 7);
  add("spam", 1);
  const std::vector<WatchReport> reports = watch_.reports();
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].deployment, "news");
  EXPECT_EQ(reports[1].version, 1);
  EXPECT_EQ(reports[2].version, 2);
  EXPECT_EQ(reports[0].anomalies.size(), 3u);
}

TEST_F(WatchTest, normal_rows_are_steady_and_shifted_rows_are_named) {
  add();
  feed(99);
  EXPECT_EQ(state("words"), DriftState::kLearning);
  feed(401);
  for (const char* statistic : {"text_length", "unknown_words", "words", "scores"})
    EXPECT_EQ(state(statistic), DriftState::kSteady) << statistic;
  feed(500, 9);
  EXPECT_EQ(state("unknown_words"), DriftState::kDrifted);
  EXPECT_EQ(state("words"), DriftState::kDrifted);
  EXPECT_EQ(state("text_length"), DriftState::kSteady);
  EXPECT_EQ(state("scores"), DriftState::kSteady);
}

TEST_F(WatchTest, rows_requests_errors_and_latencies_are_counted) {
  add();
  feed(3);
  watch_.on_rows("spam", 1, {}, scores(2), 2);
  watch_.on_rows("spam", 1, texts(4), {}, 0);
  for (int i = 0; i < 100; ++i) watch_.on_request("spam", 1, Code::kUnknown, i != 7, i < 90 ? 20 : 30);
  const WatchReport report = watch_.reports().at(0);
  EXPECT_EQ(report.rows, 9u);
  EXPECT_EQ(report.requests, 100u);
  EXPECT_EQ(report.errors, 1u);
  EXPECT_EQ(report.latency_p50_us, 20);
  EXPECT_EQ(report.latency_p99_us, 30);
}

TEST_F(WatchTest, versions_that_are_not_watched_are_ignored) {
  watch_.on_rows("spam", 1, texts(1), scores(1), 2);
  watch_.on_request("spam", 1, Code::kUnknown, true, 5);
  watch_.remove("spam", 1);
  EXPECT_TRUE(watch_.reports().empty());
}

TEST_F(WatchTest, adding_a_version_again_starts_afresh) {
  add();
  feed(500, 9);
  add();
  EXPECT_EQ(watch_.reports().at(0).rows, 0u);
  EXPECT_EQ(state("words"), DriftState::kLearning);
  EXPECT_TRUE(
      has_line(metrics_.render(), "amas_drift_state{model=\"spam\",version=\"1\",statistic=\"words\"} 0"));
}

TEST_F(WatchTest, sets_the_gauges_and_takes_them_back_with_the_version) {
  add();
  add("spam", 2);
  feed(500, 9);
  watch_.reports();
  const std::string text = metrics_.render();
  EXPECT_TRUE(has_line(text, "amas_drift_state{model=\"spam\",version=\"1\",statistic=\"words\"} 3")) << text;
  EXPECT_TRUE(has_line(text, "amas_drift_state{model=\"spam\",version=\"1\",statistic=\"scores\"} 1"))
      << text;
  EXPECT_TRUE(has_line(text, "amas_drift_effect{model=\"spam\",version=\"1\",statistic=\"text_length\"} 0"))
      << text;
  EXPECT_TRUE(has_line(text, "amas_anomaly_active{model=\"spam\",version=\"1\",series=\"latency\"} 0"))
      << text;
  const auto other = metrics_.counter("amas_requests_total", "R.", {{"model", "spam"}, {"version", "1"}});
  watch_.remove("spam", 1);
  EXPECT_EQ(metrics_.render().find("version=\"1\",s"), std::string::npos);
  EXPECT_NE(metrics_.render().find("version=\"2\",s"), std::string::npos);
  EXPECT_NE(metrics_.render().find("amas_requests_total"), std::string::npos);
}

TEST_F(WatchTest, anomalies_become_active_and_say_since_when) {
  add();
  const auto tick = [&](std::int64_t latency_us) {
    for (int i = 0; i < 20; ++i) watch_.on_request("spam", 1, Code::kUnknown, true, latency_us);
    clock_.advance_us(1'000'000);
  };
  for (int i = 0; i < 60; ++i) tick(1'000);
  EXPECT_FALSE(watch_.reports().at(0).anomalies[0].active);
  for (int i = 0; i < 5; ++i) tick(3'000);
  const AnomalyFinding latency = watch_.reports().at(0).anomalies[0];
  EXPECT_EQ(latency.series, "latency");
  EXPECT_TRUE(latency.active);
  EXPECT_NEAR(latency.value, 3'000, 1e-6);
  EXPECT_NEAR(latency.baseline, 1'000, 1e-6);
  // Found at the second slow tick.
  EXPECT_EQ(clock_.now_us() - latency.since_us, 3'000'000);
  const Json json = to_json(watch_.reports().at(0));
  EXPECT_EQ(json["anomalies"][0]["since"], format_time(latency.since_us));
  EXPECT_FALSE(json["anomalies"][1].contains("since"));
  EXPECT_EQ(json["anomalies"][0]["state"], "unusual");
  EXPECT_EQ(json["anomalies"][1]["state"], "usual");
  EXPECT_EQ(json["anomalies"][0]["points"], json["anomalies"][0]["points_min"]);
}

TEST_F(WatchTest, the_report_is_json_of_plain_values) {
  add();
  feed(500);
  const Json json = to_json(watch_.reports().at(0));
  EXPECT_EQ(json["deployment"], "spam");
  EXPECT_EQ(json["version"], 1);
  EXPECT_EQ(json["rows"], 500);
  EXPECT_EQ(json["drift"].size(), 4u);
  EXPECT_EQ(json["drift"][0], (Json{{"statistic", "text_length"},
                                    {"state", "steady"},
                                    {"effect", 0.0},
                                    {"shifting_at", json["drift"][0]["shifting_at"]},
                                    {"drifted_at", json["drift"][0]["drifted_at"]},
                                    {"rows", 500},
                                    {"rows_min", 100}}));
}

TEST(Watch, takes_calls_from_several_threads) {
  telemetry::MetricRegistry metrics;
  Watch watch({}, metrics);
  const model::Profile profile = model::make_profile(texts(600), scores(600), 2);
  watch.add("spam", 1, profile, {"ham", "spam"});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([&, t] {
        const std::vector<TextObservation> observed = texts(10);
        for (int i = 0; i < 200; ++i) {
          watch.on_rows("spam", 1, observed, scores(10), 2);
          watch.on_request("spam", 1, Code::kUnknown, true, 5);
          if (i % 50 == t) watch.add("other", t, profile, {"ham", "spam"});
          if (i % 50 == t + 10) watch.remove("other", t);
          if (i % 20 == 0) (void)watch.reports();
        }
      });
  }
  EXPECT_EQ(watch.reports().at(0).rows, 6'000u);
  EXPECT_EQ(watch.reports().at(0).requests, 600u);
}

}  // namespace
}  // namespace amas::monitor
