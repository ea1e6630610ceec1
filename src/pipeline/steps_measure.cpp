#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>

#include "pipeline/kept_package.h"
#include "pipeline/steps.h"
#include "serve/version.h"

namespace amas::pipeline {
namespace {

constexpr std::size_t kMeasuredRows = 300;
constexpr std::size_t kWarmupRows = 20;

// Bytes that the allocator has handed out and not taken back: what loading adds to it, whatever the system
// does with pages.
double allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double quantile(std::vector<double>& sorted, double q) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

Result<store::Measurement> measure_variant(const model::Package& package, const std::string& variant,
                                           const Tensor& texts, const RunContext& context) {
  const Clock& clock = system_clock();
  const double before = allocated_bytes();
  AMAS_TRY(const auto version, serve::ServableVersion::load(package, variant, context.engine));
  std::vector<double> times_us;
  const auto rows = static_cast<std::size_t>(texts.rows());
  for (std::size_t i = 0; i < kWarmupRows + kMeasuredRows; ++i) {
    const auto row = static_cast<std::int64_t>(i % rows);
    const std::vector<TensorView> columns{TensorView(texts, row, row + 1)};
    const std::int64_t begin_us = clock.steady_us();
    AMAS_CHECK(version->score(columns));
    if (i >= kWarmupRows) times_us.push_back(static_cast<double>(clock.steady_us() - begin_us));
  }
  std::ranges::sort(times_us);
  return store::Measurement{package.digest(),           variant,
                            quantile(times_us, 0.5),    quantile(times_us, 0.99),
                            allocated_bytes() - before, clock.now_us()};
}

Result<Json> measure_package(const std::string& digest, const Json& data, LazyDataset& dataset,
                             const RunContext& context, std::string& summary) {
  AMAS_TRY(const model::Package package, open_package(context.store, digest));
  AMAS_TRY(const auto rows, dataset.get());
  std::vector<std::size_t> sample = rows->split.test;
  sample.resize(std::min(sample.size(), kMeasuredRows));
  const table::Table test = rows->table.take(sample);
  AMAS_TRY(const table::Column* text, test.column(data["text"].get<std::string>()));
  const Tensor texts = features::text_tensor(*text);
  Json result{{"variants", Json::object()}};
  for (const model::Variant& variant : package.manifest().variants) {
    AMAS_TRY(const store::Measurement measured, measure_variant(package, variant.name, texts, context));
    AMAS_CHECK(context.store.put_measurement(measured));
    result["variants"][variant.name] = {{"p50_us", measured.latency_p50_us},
                                        {"p99_us", measured.latency_p99_us},
                                        {"memory_bytes", measured.memory_bytes}};
    summary +=
        fmt::format("{}{} p50 {:.0f} µs", summary.empty() ? "" : ", ", variant.name, measured.latency_p50_us);
  }
  return result;
}

}  // namespace

Result<Json> measure_step(const std::string& package, const Json& data, LazyDataset& dataset,
                          const RunContext& context) {
  const Json key{{"package", package}, {"dataset", data["dataset"]}, {"engine", context.engine.version()}};
  const auto is_measured = [&](const Json& result) {
    const auto kept = context.store.measurements(package);
    return kept && kept->size() >= result["variants"].size();
  };
  return cached_step(context, "measure " + package.substr(0, 8), key, is_measured, [&](std::string& summary) {
    return measure_package(package, data, dataset, context, summary);
  });
}

}  // namespace amas::pipeline
