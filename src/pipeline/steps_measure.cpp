#include <fmt/format.h>

#include <algorithm>

#include "pipeline/kept_package.h"
#include "pipeline/steps.h"
#include "serve/measure.h"

namespace amas::pipeline {
namespace {

constexpr std::size_t kMeasuredRows = 300;

Result<store::Measurement> measure_variant(const model::Package& package, const std::string& variant,
                                           const Tensor& texts, const RunContext& context) {
  const auto rows = static_cast<std::size_t>(texts.rows());
  AMAS_TRY(const serve::Cost cost,
           serve::measure_variant(package, variant, context.engine,
                                  [&](const serve::ServableVersion& version, std::size_t call) -> Status {
                                    const auto row = static_cast<std::int64_t>(call % rows);
                                    const std::vector<TensorView> columns{TensorView(texts, row, row + 1)};
                                    AMAS_CHECK(version.score(columns));
                                    return {};
                                  }));
  return store::Measurement{package.digest(),    variant,           cost.latency_p50_us,
                            cost.latency_p99_us, cost.memory_bytes, system_clock().now_us()};
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
