// Not built by default. What a run costs: the engine's own share with a tiny graph, and the text LSTM
// (Embedding 10,000 × 64 → LSTM 64 → Dense, 128 tokens) as trained, quantised, pruned and both. The argument
// is the batch; `bytes` is the file's size.

#include <benchmark/benchmark.h>

#include "base/file.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/onnxruntime/reference_scores.h"
#include "optimise/optimise.h"

namespace amas::engines {
namespace {

engine::Engine& engine_of_library() {
  static const auto engine =
      open_onnxruntime(fs::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0");
  if (!engine) throw std::runtime_error(engine.error().message);
  return **engine;
}

std::string fp32() {
  return model::export_text_lstm(
      reference::random_net({.vocabulary = 10'000, .embedding = 64, .units = 64, .length = 128}));
}
std::string int8() { return *optimise::quantise_int8(fp32()); }
std::string pruned() { return *optimise::prune(fp32(), {}); }
std::string pruned_int8() { return *optimise::quantise_int8(pruned()); }

void run(benchmark::State& state, const std::string& onnx, const Tensor& input) {
  const auto model = engine_of_library().load(onnx, {});
  if (!model) throw std::runtime_error(model.error().message);
  const std::vector<TensorView> inputs{input};
  for (auto _ : state) benchmark::DoNotOptimize((*model)->run(inputs));
  state.counters["bytes"] = static_cast<double>(onnx.size());
}

void tiny_gemm(benchmark::State& state) {
  run(state, *read_file(fs::path(AMAS_TEST_DATA_DIR) / "affine.onnx"),
      Tensor(DType::kFloat32, {state.range(0), 3}));
}
BENCHMARK(tiny_gemm)->Arg(1);

template <std::string (*Graph)()>
void text_lstm(benchmark::State& state) {
  Tensor tokens(DType::kInt32, {state.range(0), 128});
  std::mt19937 random(3);
  for (auto& token : tokens.data<std::int32_t>()) token = static_cast<std::int32_t>(random() % 10'000);
  run(state, Graph(), tokens);
}
BENCHMARK(text_lstm<fp32>)->Arg(1)->Arg(32);
BENCHMARK(text_lstm<int8>)->Arg(1)->Arg(32);
BENCHMARK(text_lstm<pruned>)->Arg(1)->Arg(32);
BENCHMARK(text_lstm<pruned_int8>)->Arg(1)->Arg(32);

/// The whole search for a net of 20,000 × 64, 64 units, 200 tokens, on 480 rows.
void optimise_step(benchmark::State& state) {
  const std::string onnx = model::export_text_lstm(
      reference::random_net({.vocabulary = 20'000, .embedding = 64, .units = 64, .length = 200}));
  const std::vector<Tensor> inputs{reference::random_tokens(480, 200, 20'000)};
  const optimise::JudgeRows rows{&inputs,
                                 [](std::span<const float>) -> Result<std::map<std::string, double>> {
                                   return std::map<std::string, double>{{"accuracy", 1.0}};
                                 }};
  // Nothing is ever good enough, so that every share is tried.
  for (auto _ : state)
    benchmark::DoNotOptimize(optimise::optimise(onnx, rows, engine_of_library(), {.accuracy_drop_max = -1}));
}
BENCHMARK(optimise_step)->Unit(benchmark::kMillisecond)->Iterations(1);

}  // namespace
}  // namespace amas::engines

BENCHMARK_MAIN();
