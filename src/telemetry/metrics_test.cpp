#include "telemetry/metrics.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <thread>

#include "base/file.h"

namespace amas::telemetry {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

// Runs a checker over the text; returns its exit status and leaves what it printed in `output`.
int check(const std::string& command, const std::string& text, std::string& output) {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "metrics.txt";
  EXPECT_TRUE(write_file_atomic(file, text));
  FILE* pipe = ::popen((command + " < " + file.string() + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return -1;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  return ::pclose(pipe);
}

// One of everything, with the values that exposition formats trip over.
void fill(MetricRegistry& registry) {
  registry.counter("amas_requests_total", "Requests by model.", {{"model", "spam"}, {"version", "1"}})
      ->add(7);
  registry
      .counter("amas_requests_total", "Requests by model.", {{"model", "a\"b\\c\nd\xFF"}, {"version", "2"}})
      ->add();
  registry.gauge("amas_queue_rows", "Rows that wait.\nAcross all models, with a \\ in between.")->set(-2.5);
  registry.gauge("amas_ratio", "A value that is not a number.", {{"kind", "nan"}})->set(std::nan(""));
  registry.gauge("amas_ratio", "A value that is not a number.", {{"kind", "inf"}})
      ->set(std::numeric_limits<double>::infinity());
  const auto latency =
      registry.histogram("amas_latency_seconds", "Latency.", latency_bounds(), {{"stage", "engine"}});
  for (const double value : {0.000001, 0.00001, 0.003, 0.7, 99.0}) latency->observe(value);
  register_process_metrics(registry);
}

TEST(Metrics, counts_what_all_threads_add) {
  MetricRegistry registry;
  const auto counter = registry.counter("amas_x_total", "X.");
  const auto gauge = registry.gauge("amas_y", "Y.");
  const auto histogram = registry.histogram("amas_z", "Z.", {0.5, 1.5});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) {
          counter->add(2);
          gauge->add(i % 2 == 0 ? 1.0 : -1.0);
          histogram->observe(i % 3);
          if (i % 1'000 == 0) (void)registry.render();
        }
      });
  }
  EXPECT_EQ(counter->value(), 40'000u);
  EXPECT_EQ(gauge->value(), 0.0);
  EXPECT_EQ(histogram->counts(), (std::vector<std::uint64_t>{4 * 1'667, 4 * 1'667, 4 * 1'666}));
  EXPECT_EQ(histogram->sum(), 4.0 * (1'667 + 2 * 1'666));
}

TEST(Metrics, a_value_on_a_bound_belongs_to_its_bucket) {
  Histogram histogram({1, 2, 5});
  for (const double value : {0.5, 1.0, 1.5, 2.0, 5.0, 5.1}) histogram.observe(value);
  EXPECT_EQ(histogram.counts(), (std::vector<std::uint64_t>{2, 2, 1, 1}));
}

TEST(Metrics, an_observation_that_is_not_a_number_is_left_out) {
  Histogram histogram({1, 2});
  histogram.observe(std::nan(""));
  histogram.observe(1.5);
  EXPECT_EQ(histogram.sum(), 1.5);
  EXPECT_EQ(histogram.counts(), (std::vector<std::uint64_t>{0, 1, 0}));
}

TEST(Metrics, a_quantile_lies_within_the_bucket_of_the_exact_one) {
  const std::vector<double> bounds = latency_bounds();
  std::mt19937 random(3);
  std::lognormal_distribution<double> latency(-6, 1);
  Histogram histogram(bounds);
  std::vector<double> values(10'000);
  for (double& value : values) histogram.observe(value = latency(random));
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.5, 0.9, 0.99}) {
    const double exact = values[static_cast<std::size_t>(q * 10'000) - 1];
    const auto above = std::lower_bound(bounds.begin(), bounds.end(), exact);
    EXPECT_LE(histogram.quantile(q), *above) << q;
    EXPECT_GE(histogram.quantile(q), *(above - 1)) << q;
  }
}

TEST(Metrics, quantiles_of_a_uniform_bucket_are_exact) {
  Histogram histogram({10, 20});
  for (int i = 0; i < 100; ++i) histogram.observe(i < 50 ? 5 : 15);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.25), 5);
  EXPECT_DOUBLE_EQ(histogram.quantile(0.75), 15);
  EXPECT_DOUBLE_EQ(histogram.quantile(1), 20);
  EXPECT_DOUBLE_EQ(histogram.quantile(0), 0);
}

TEST(Metrics, quantiles_without_observations_are_zero_and_beyond_the_bounds_the_last_bound) {
  Histogram histogram({1, 2});
  EXPECT_EQ(histogram.quantile(0.5), 0);
  histogram.observe(1e9);
  EXPECT_EQ(histogram.quantile(0.5), 2);
}

TEST(Metrics, the_same_name_and_labels_give_the_same_series) {
  MetricRegistry registry;
  const auto first = registry.counter("amas_x_total", "X.", {{"model", "a"}});
  EXPECT_EQ(first, registry.counter("amas_x_total", "X.", {{"model", "a"}}));
  EXPECT_NE(first, registry.counter("amas_x_total", "X.", {{"model", "b"}}));
}

TEST(Metrics, the_first_bounds_of_a_family_hold) {
  MetricRegistry registry;
  const auto first = registry.histogram("amas_x", "X.", {1, 2}, {{"model", "a"}});
  EXPECT_EQ(registry.histogram("amas_x", "X.", {7}, {{"model", "b"}})->bounds(), first->bounds());
}

TEST(Metrics, label_sets_beyond_the_limit_share_one_series_and_are_counted) {
  MetricRegistry registry(2);
  for (const char* name : {"a", "b", "c", "d", "c"})
    registry.counter("amas_x_total", "X.", {{"model", name}})->add();
  const std::string text = registry.render();
  EXPECT_TRUE(has_line(text, "amas_x_total{model=\"a\"} 1"));
  EXPECT_TRUE(has_line(text, "amas_x_total{model=\"other\"} 3"));
  EXPECT_TRUE(has_line(text, "amas_metric_series_dropped_total 3"));
  EXPECT_EQ(text.find("model=\"c\""), std::string::npos);
}

TEST(Metrics, a_name_that_is_already_another_kind_is_not_shown) {
  MetricRegistry registry;
  registry.counter("amas_x_total", "X.")->add(5);
  registry.gauge("amas_x_total", "X.")->set(9);
  EXPECT_TRUE(has_line(registry.render(), "amas_x_total 5"));
  EXPECT_TRUE(has_line(registry.render(), "amas_metric_series_dropped_total 1"));
}

TEST(Metrics, removing_a_label_value_drops_its_series_and_no_others) {
  MetricRegistry registry;
  const auto kept = registry.counter("amas_x_total", "X.", {{"model", "a"}});
  registry.counter("amas_x_total", "X.", {{"model", "b"}});
  const auto gone = registry.gauge("amas_y", "Y.", {{"model", "b"}, {"stage", "engine"}});
  registry.remove("model", "b");
  gone->set(3);  // still safe to use
  EXPECT_EQ(registry.render().find("model=\"b\""), std::string::npos);
  EXPECT_NE(registry.render().find("model=\"a\""), std::string::npos);
}

TEST(Metrics, removing_a_series_leaves_its_neighbours) {
  MetricRegistry registry;
  const auto kept = registry.gauge("amas_x", "X.", {{"model", "a"}, {"version", "1"}});
  registry.gauge("amas_x", "X.", {{"model", "a"}, {"version", "2"}});
  registry.remove_series("amas_x", {{"model", "a"}, {"version", "2"}});
  registry.remove_series("amas_x", {{"model", "a"}});
  registry.remove_series("amas_unknown", {});
  EXPECT_EQ(registry.gauge("amas_x", "X.", {{"model", "a"}, {"version", "1"}}), kept);
  EXPECT_EQ(registry.render().find("version=\"2\""), std::string::npos);
}

TEST(Metrics, refreshers_run_before_rendering_and_may_ask_for_series) {
  MetricRegistry registry;
  registry.before_render([&] { registry.gauge("amas_x", "X.")->add(1); });
  EXPECT_TRUE(has_line(registry.render(), "amas_x 1"));
  EXPECT_TRUE(has_line(registry.render(), "amas_x 2"));
}

TEST(Metrics, histograms_are_rendered_cumulative_with_sum_and_count) {
  MetricRegistry registry;
  const auto histogram = registry.histogram("amas_x", "X.", {0.1, 1}, {{"model", "a"}});
  for (const double value : {0.05, 0.5, 0.5, 3.0}) histogram->observe(value);
  const std::string text = registry.render();
  for (const char* line :
       {"# TYPE amas_x histogram", "amas_x_bucket{model=\"a\",le=\"0.1\"} 1",
        "amas_x_bucket{model=\"a\",le=\"1\"} 3", "amas_x_bucket{model=\"a\",le=\"+Inf\"} 4",
        "amas_x_sum{model=\"a\"} 4.05", "amas_x_count{model=\"a\"} 4"})
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
}

TEST(Metrics, promtool_finds_nothing_wrong) {
  MetricRegistry registry;
  fill(registry);
  std::string output;
  EXPECT_EQ(check(AMAS_THIRD_PARTY_DIR "/promtool/promtool check metrics", registry.render(), output), 0)
      << output;
  EXPECT_EQ(output, "");
}

TEST(Metrics, the_python_client_reads_the_same_values) {
  MetricRegistry registry;
  fill(registry);
  std::string output;
  const std::string script = AMAS_SOURCE_DIR "/tests/oracles/telemetry_prometheus.py";
  EXPECT_EQ(check(AMAS_THIRD_PARTY_DIR "/venv/bin/python " + script, registry.render(), output), 0) << output;
}

TEST(Metrics, the_process_is_measured) {
  const auto now = [] {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  };
  MetricRegistry registry;
  register_process_metrics(registry);
  (void)registry.render();
  const auto value = [&](const char* name) { return registry.gauge(name, "")->value(); };
  EXPECT_GT(value("amas_process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value("amas_process_cpu_seconds"), 0);
  EXPECT_GE(value("amas_process_threads"), 1);
  EXPECT_GE(value("amas_process_open_files"), 3);
  // The start is given in ticks of 10 ms after a boot time in whole seconds.
  EXPECT_LT(value("amas_process_start_time_seconds"), now() + 2);
  EXPECT_GT(value("amas_process_start_time_seconds"), now() - 600);
}

}  // namespace
}  // namespace amas::telemetry
