// Not built by default. What scoring a forest of 300 trees of 6 levels over 30 features costs: our layout
// alone, our engine, and ONNX Runtime on the same graph, one thread each. The argument is the batch; batches
// of one go round 1,000 rows, as a branch predictor would learn one row by heart. `row_us` is microseconds a
// row.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "base/file.h"
#include "engines/forest/compiled.h"
#include "engines/forest/forest_engine.h"
#include "engines/forest/onnx_export.h"
#include "engines/forest/xgboost.h"
#include "engines/onnxruntime/onnxruntime_engine.h"

namespace amas::engines {
namespace {

using namespace forest;

constexpr std::int32_t kTrees = 300, kFeatures = 30;
constexpr std::int64_t kRows = 1000;

engine::Engine& onnxruntime() {
  static const auto engine = open_onnxruntime(std::filesystem::path(AMAS_THIRD_PARTY_DIR) /
                                              "onnxruntime/lib/libonnxruntime.so.1.32.0");
  if (!engine) throw std::runtime_error(engine.error().message);
  return **engine;
}

engine::Engine& ours() {
  static const auto engine = open_forest_engine();
  return *engine;
}

/// Complete trees of `depth` levels with thresholds and leaves from normal distributions.
TreeOperator random_trees(std::int32_t depth) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  TreeOperator made;
  Forest& forest = made.forest;
  forest.features = kFeatures;
  for (std::int32_t tree = 0; tree < kTrees; ++tree) {
    const auto first = static_cast<std::int32_t>(forest.nodes.size());
    const std::int32_t splits = (1 << depth) - 1;
    forest.roots.push_back(first);
    for (std::int32_t i = 0; i < splits; ++i)
      forest.nodes.push_back({.test = Condition::kLess,
                              .missing = random() % 2 == 0 ? Missing::kNanYes : Missing::kNanNo,
                              .feature = static_cast<std::int32_t>(random() % kFeatures),
                              .threshold = static_cast<double>(normal(random)),
                              .yes = first + 2 * i + 1,
                              .no = first + 2 * i + 2});
    for (std::int32_t i = 0; i <= splits; ++i) {
      const auto vote = static_cast<std::int32_t>(forest.votes.size());
      forest.nodes.push_back({.yes = vote, .no = vote + 1});
      forest.votes.push_back({0, static_cast<double>(0.1F * normal(random))});
    }
  }
  return made;
}

Tensor random_rows(bool missing) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  Tensor rows(DType::kFloat32, {kRows, kFeatures});
  for (float& value : rows.data<float>())
    value = missing && random() % 20 == 0 ? std::numeric_limits<float>::quiet_NaN() : normal(random);
  return rows;
}

void set_row_time(benchmark::State& state) {
  state.counters["row_us"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)) * 1e-6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void run(benchmark::State& state, engine::Engine& engine, std::int32_t depth, bool missing) {
  const auto file = export_trees(random_trees(depth), 3);
  if (!file) throw std::runtime_error(file.error().message);
  auto model = engine.load(*file, {});
  if (!model) throw std::runtime_error(model.error().message);
  const Tensor rows = random_rows(missing);
  std::int64_t row = 0;
  for (auto _ : state) {
    const std::vector<TensorView> inputs{TensorView(rows, row, row + state.range(0))};
    benchmark::DoNotOptimize((*model)->run(inputs));
    row = row + 2 * state.range(0) > kRows ? 0 : row + state.range(0);
  }
  set_row_time(state);
}

void measure_margins(benchmark::State& state, const Forest& forest) {
  const auto compiled = compile<float>(forest);
  if (!compiled) throw std::runtime_error(compiled.error().message);
  const Tensor rows = random_rows(false);
  std::vector<double> margins(static_cast<std::size_t>(state.range(0)));
  std::int64_t row = 0;
  for (auto _ : state) {
    (*compiled)->margins(
        {rows.data<float>().data() + row * kFeatures, static_cast<std::size_t>(state.range(0)), kFeatures, 1},
        margins, {});
    benchmark::DoNotOptimize(margins.data());
    row = row + 2 * state.range(0) > kRows ? 0 : row + state.range(0);
  }
  set_row_time(state);
}

void layout_alone(benchmark::State& state) { measure_margins(state, random_trees(6).forest); }
BENCHMARK(layout_alone)->Arg(1)->Arg(1000);

void engine_forest(benchmark::State& state) { run(state, ours(), 6, false); }
BENCHMARK(engine_forest)->Arg(1)->Arg(32)->Arg(1000);
void engine_onnxruntime(benchmark::State& state) { run(state, onnxruntime(), 6, false); }
BENCHMARK(engine_onnxruntime)->Arg(1)->Arg(32)->Arg(1000);

void engine_forest_missing(benchmark::State& state) { run(state, ours(), 6, true); }
BENCHMARK(engine_forest_missing)->Arg(1)->Arg(1000);
void engine_onnxruntime_missing(benchmark::State& state) { run(state, onnxruntime(), 6, true); }
BENCHMARK(engine_onnxruntime_missing)->Arg(1)->Arg(1000);

void engine_forest_deep(benchmark::State& state) { run(state, ours(), 12, false); }
BENCHMARK(engine_forest_deep)->Arg(1)->Arg(1000);
void engine_onnxruntime_deep(benchmark::State& state) { run(state, onnxruntime(), 12, false); }
BENCHMARK(engine_onnxruntime_deep)->Arg(1)->Arg(1000);

/// A model of XGBoost over kFeatures features, as bench/forest.py asks for.
void xgboost_model(benchmark::State& state, const char* file) {
  const auto bytes = read_file(file);
  if (!bytes) throw std::runtime_error(bytes.error().message);
  const auto read = read_xgboost(*bytes);
  if (!read) throw std::runtime_error(read.error().message);
  measure_margins(state, *read);
}

}  // namespace
}  // namespace amas::engines

int main(int count, char** arguments) {
  if (const char* file = std::getenv("AMAS_XGBOOST_MODEL"); file != nullptr)
    benchmark::RegisterBenchmark("xgboost_model", amas::engines::xgboost_model, file)->Arg(1)->Arg(1000);
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
}
