#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace amas {

/// Where time comes from; a test turns it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, microseconds since 1970 UTC; may jump.
  virtual std::int64_t now_us() const = 0;
  /// Time that only goes forward, microseconds since some moment; for durations and deadlines.
  virtual std::int64_t steady_us() const = 0;
};

/// The machine's clock.
const Clock& system_clock();

/// "2026-01-31T23:59:59.123456Z" for microseconds since 1970 UTC.
std::string format_time(std::int64_t microseconds);

/// A clock that stands still until it is moved.
class ManualClock final : public Clock {
 public:
  /// Starts at this time, microseconds.
  explicit ManualClock(std::int64_t start_us = 1'700'000'000'000'000) : now_us_(start_us) {}
  std::int64_t now_us() const override { return now_us_; }
  std::int64_t steady_us() const override { return now_us_; }
  /// Moves it forward.
  void advance_us(std::int64_t microseconds) { now_us_ += microseconds; }

 private:
  std::int64_t now_us_;
};

}  // namespace amas
