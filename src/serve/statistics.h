#pragma once

#include <cstdint>
#include <map>

#include "base/clock.h"
#include "base/threads.h"
#include "serve/request.h"

namespace amas::serve {

/// How often something was done, and how long that took together.
struct Duration {
  std::uint64_t count = 0;
  std::uint64_t us = 0;
  /// Counts one.
  void add(std::int64_t took_us) {
    ++count;
    us += static_cast<std::uint64_t>(took_us > 0 ? took_us : 0);
  }
};

/// What a version has done since it was loaded.
struct Statistics {
  /// Runs of the engine with so many rows.
  struct Batch {
    Duration features;
    Duration engine;
  };
  std::int64_t last_us = 0;  ///< when it was last asked, since 1970; 0: never
  std::uint64_t rows = 0;    ///< answered
  Duration success;          ///< requests, from their admission to their answer
  Duration fail;
  Duration queue;                          ///< of the answered, until they were run
  Duration features;                       ///< of the answered, as the next: what their batch took
  Duration engine;                         ///
  std::map<std::uint64_t, Batch> batches;  ///< by rows; beyond 1,024 different ones no more are told apart
  /// Runs of the engine.
  std::uint64_t runs() const;
};

/// Counts them. Threads: any; takes a short lock.
class StatisticsCounter {
 public:
  /// Counts a run of the engine, with its preparation.
  void count_run(const RequestTimes& times);
  /// Counts a request that has been answered; `rows` of it.
  void count_answer(const RequestTimes& times, std::int64_t rows, const Clock& clock);
  /// Counts a request that failed while it was worked on.
  void count_failure(const RequestTimes& times, const Clock& clock);
  /// What has been counted.
  Statistics read() const {
    return statistics_.with([](const Statistics& all) { return all; });
  }

 private:
  Guarded<Statistics> statistics_;
};

}  // namespace amas::serve
