#include "base/clock.h"

#include <fmt/format.h>

#include <ctime>

namespace amas {
namespace {

class SystemClock final : public Clock {
 public:
  std::int64_t now_us() const override { return since_epoch(std::chrono::system_clock::now()); }
  std::int64_t steady_us() const override { return since_epoch(std::chrono::steady_clock::now()); }

 private:
  template <class TimePoint>
  static std::int64_t since_epoch(TimePoint time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  }
};

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string format_time(std::int64_t microseconds) {
  const std::time_t seconds = microseconds / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, microseconds % 1'000'000);
}

}  // namespace amas
