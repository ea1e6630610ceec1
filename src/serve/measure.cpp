#include "serve/measure.h"

#include <malloc.h>

#include <algorithm>

#include "base/clock.h"

namespace amas::serve {
namespace {

constexpr std::size_t kMeasuredCalls = 300;
constexpr std::size_t kWarmupCalls = 20;
constexpr std::int64_t kLongestUs = 3'000'000;

// Bytes that the allocator has handed out and not taken back: what loading adds to it, whatever the system
// does with pages.
double allocated_bytes() {
  const struct mallinfo2 info = ::mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

}  // namespace

Result<Cost> measure_variant(const model::Package& package, const std::string& variant,
                             engine::Engine& engine,
                             const std::function<Status(const ServableVersion&, std::size_t call)>& ask) {
  const Clock& clock = system_clock();
  const double before = allocated_bytes();
  AMAS_TRY(const auto version, ServableVersion::load(package, variant, engine));
  std::vector<double> times_us;
  const std::int64_t start_us = clock.steady_us();
  for (std::size_t call = 0; call < kWarmupCalls + kMeasuredCalls; ++call) {
    const std::int64_t begin_us = clock.steady_us();
    AMAS_CHECK(ask(*version, call));
    const std::int64_t end_us = clock.steady_us();
    const bool long_enough = end_us - start_us > kLongestUs;
    if (call >= kWarmupCalls || long_enough) times_us.push_back(static_cast<double>(end_us - begin_us));
    if (long_enough) break;
  }
  std::ranges::sort(times_us);
  return Cost{quantile(times_us, 0.5), quantile(times_us, 0.99), allocated_bytes() - before};
}

}  // namespace amas::serve
