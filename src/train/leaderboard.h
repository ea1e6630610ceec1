#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/metrics.h"

namespace amas::train {

/// One candidate on the leaderboard, in the variant that would be served.
struct LeaderboardRow {
  std::string candidate;     ///< "lstm", "linear", …
  std::int64_t version = 0;  ///< of the model in the registry
  std::string variant;       ///< "fp32", "int8", …
  std::string runs_as{};     ///< precision in which it runs on this machine, where that is not its own
  double validation = 0;     ///< the ranking metric on the validation rows
  /// On the test rows, with intervals; "baseline_accuracy" is the majority's.
  std::map<std::string, Interval> metrics;
  double latency_p50_us = 0;  ///< one row, raw text to scores
  double latency_p99_us = 0;
  double memory_bytes = 0;  ///< that loading it takes
  std::uint64_t file_bytes = 0;
  bool deployed = false;
};

/// Sorts best first: by the validation metric (`lower_is_better` as lower_is_better() says), ties by median
/// latency.
void rank(std::vector<LeaderboardRow>& rows, bool lower_is_better);

/// The cells of a table for people, the heading first: rank, candidate, the ranking metric (`metric`) on the
/// validation rows, test accuracy and macro-F1 with intervals beside the majority baseline, log loss,
/// latency, memory, file size.
std::vector<std::vector<std::string>> leaderboard_table(const std::vector<LeaderboardRow>& rows,
                                                        const std::string& metric);

/// The same for machines: an array of objects with the fields' names.
Json leaderboard_json(const std::vector<LeaderboardRow>& rows);

}  // namespace amas::train
