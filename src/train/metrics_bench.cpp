// What the evaluation of a test set costs: all metrics with 1,000 bootstrap resamples, and one metric of an
// epoch.

#include <benchmark/benchmark.h>

#include <random>

#include "train/metrics.h"

namespace amas::train {
namespace {

struct Predictions {
  std::vector<float> scores;
  std::vector<std::int32_t> truth;
};

Predictions make(std::size_t rows, std::int32_t classes) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0.01F, 1.0F);
  Predictions made;
  for (std::size_t row = 0; row < rows; ++row) {
    made.truth.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(classes)));
    float sum = 0;
    for (std::int32_t c = 0; c < classes; ++c)
      sum += made.scores.emplace_back(uniform(random) + (c == made.truth.back() ? 0.8F : 0.0F));
    for (auto at = made.scores.end() - classes; at != made.scores.end(); ++at) *at /= sum;
  }
  return made;
}

void evaluate_rows(benchmark::State& state) {
  const auto classes = static_cast<std::int32_t>(state.range(1));
  const Predictions made = make(static_cast<std::size_t>(state.range(0)), classes);
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(made.scores, made.truth, classes));
}
BENCHMARK(evaluate_rows)->Args({1170, 2})->Args({1170, 5})->Args({17'000, 2})->Unit(benchmark::kMillisecond);

void f1_of_an_epoch(benchmark::State& state) {
  const Predictions made = make(600, 2);
  for (auto _ : state) benchmark::DoNotOptimize(metric_value("f1", made.scores, made.truth, 2));
}
BENCHMARK(f1_of_an_epoch)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace amas::train

BENCHMARK_MAIN();
