#include "serve/statistics.h"

namespace amas::serve {
namespace {

constexpr std::size_t kBatchSizesMax = 1'024;

}  // namespace

std::uint64_t Statistics::runs() const {
  std::uint64_t sum = 0;
  for (const auto& [size, batch] : batches) sum += batch.engine.count;
  return sum;
}

void StatisticsCounter::count_run(const RequestTimes& times) {
  statistics_.with([&](Statistics& all) {
    const bool is_new = !all.batches.contains(times.batch_rows);
    const bool is_told_apart = !is_new || all.batches.size() < kBatchSizesMax;
    Statistics::Batch& batch = is_told_apart ? all.batches[times.batch_rows] : all.batches.rbegin()->second;
    batch.features.add(times.features_us);
    batch.engine.add(times.engine_us);
  });
}

void StatisticsCounter::count_answer(const RequestTimes& times, std::int64_t rows, const Clock& clock) {
  statistics_.with([&](Statistics& all) {
    all.last_us = clock.now_us();
    all.rows += static_cast<std::uint64_t>(rows);
    all.success.add(times.total_us);
    all.queue.add(times.queue_us);
    all.features.add(times.features_us);
    all.engine.add(times.engine_us);
  });
}

void StatisticsCounter::count_failure(const RequestTimes& times, const Clock& clock) {
  statistics_.with([&](Statistics& all) {
    all.last_us = clock.now_us();
    all.fail.add(times.total_us);
  });
}

}  // namespace amas::serve
