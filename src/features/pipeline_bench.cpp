// What preparing one mail costs in the serving path, and loading a pipeline at the start of the server.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <random>

#include "features/pipeline.h"

namespace amas::features {
namespace {

// Texts whose words are as frequent as in a language (Zipf) and of about its lengths.
std::vector<std::string> make_texts(std::size_t count, std::size_t bytes, std::uint32_t seed) {
  constexpr double kWords = 60'000;
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<std::string> texts(count);
  for (std::string& text : texts)
    while (text.size() < bytes) {
      const auto rank = static_cast<std::uint64_t>(std::pow(kWords, uniform(random)));
      std::uint64_t letters = rank * 2654435761u;
      for (std::size_t length = 2 + rank % 9; length > 0; --length, letters /= kLetters.size())
        text += kLetters[letters % kLetters.size()];
      text += random() % 9 == 0 ? ". " : " ";
    }
  return texts;
}

Pipeline fit(const Json& step, std::size_t texts) {
  std::vector<table::Column> columns;
  columns.push_back({"body", make_texts(texts, 3000, 1), {}});
  return *Pipeline::fit({"body", "", step}, *table::Table::of(std::move(columns)));
}

const Pipeline& tokens() {
  static const Pipeline pipeline =
      fit({{"type", "tokens"}, {"vocabulary", 20'000}, {"oov", "<OOV>"}, {"length", 200}}, 2000);
  return pipeline;
}

const Pipeline& tfidf() {
  static const Pipeline pipeline =
      fit({{"type", "tfidf"}, {"ngrams", 2}, {"min_df", 2}, {"sublinear", true}}, 3000);
  return pipeline;
}

const Pipeline& characters() {
  static const Pipeline pipeline = fit(
      {{"type", "tfidf"}, {"analyzer", "char_wb"}, {"ngrams", {3, 3}}, {"min_df", 2}, {"sublinear", true}},
      3000);
  return pipeline;
}

void transform(benchmark::State& state, const Pipeline& pipeline, const std::vector<std::string>& texts) {
  const Tensor column = Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  std::vector<TextObservation> observed;
  std::int64_t row = 0;
  for (auto _ : state) {
    const TensorView one(column, row, row + 1);
    benchmark::DoNotOptimize(pipeline.transform({&one, 1}, &observed));
    row = (row + 1) % column.rows();
  }
  state.SetLabel(fmt::format("{} indices", pipeline.index_count()));
}

void tokens_of_a_3_kb_mail(benchmark::State& state) { transform(state, tokens(), make_texts(200, 3000, 2)); }
BENCHMARK(tokens_of_a_3_kb_mail)->Unit(benchmark::kMicrosecond);

void tfidf_of_a_3_kb_mail(benchmark::State& state) { transform(state, tfidf(), make_texts(200, 3000, 2)); }
BENCHMARK(tfidf_of_a_3_kb_mail)->Unit(benchmark::kMicrosecond);

void characters_of_a_3_kb_mail(benchmark::State& state) {
  transform(state, characters(), make_texts(200, 3000, 2));
}
BENCHMARK(characters_of_a_3_kb_mail)->Unit(benchmark::kMicrosecond);

void features_one_row_at_a_time(benchmark::State& state, const Pipeline& pipeline) {
  const Tensor column = Tensor::of_strings({200}, make_texts(200, 3000, 2));
  std::vector<TextObservation> observed;
  double sum = 0;
  const auto use = [&](std::size_t, const SparseRow& row) -> Status {
    for (const float value : row.values) sum += static_cast<double>(value);
    return {};
  };
  std::int64_t row = 0;
  for (auto _ : state) {
    const TensorView one(column, row, row + 1);
    benchmark::DoNotOptimize(pipeline.for_each_sparse_row({&one, 1}, &observed, use));
    row = (row + 1) % column.rows();
  }
  benchmark::DoNotOptimize(sum);
}

void tfidf_of_a_3_kb_mail_without_tensors(benchmark::State& state) {
  features_one_row_at_a_time(state, tfidf());
}
BENCHMARK(tfidf_of_a_3_kb_mail_without_tensors)->Unit(benchmark::kMicrosecond);

void characters_of_a_3_kb_mail_without_tensors(benchmark::State& state) {
  features_one_row_at_a_time(state, characters());
}
BENCHMARK(characters_of_a_3_kb_mail_without_tensors)->Unit(benchmark::kMicrosecond);

void tokens_of_a_chinese_text(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += i % 20 == 19 ? "，" : "中";
  transform(state, tokens(), {text});
}
BENCHMARK(tokens_of_a_chinese_text)->Unit(benchmark::kMicrosecond);

void load(benchmark::State& state, const Pipeline& pipeline) {
  const std::string json = pipeline.to_json();
  for (auto _ : state) benchmark::DoNotOptimize(Pipeline::from_json(json));
  state.SetLabel(fmt::format("{} indices, {} bytes", pipeline.index_count(), json.size()));
}

void load_tokens(benchmark::State& state) { load(state, tokens()); }
BENCHMARK(load_tokens)->Unit(benchmark::kMillisecond);

void load_tfidf(benchmark::State& state) { load(state, tfidf()); }
BENCHMARK(load_tfidf)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace amas::features

BENCHMARK_MAIN();
