#pragma once

#include <filesystem>
#include <string_view>

#include "base/json.h"

namespace amas::log {

/// Debug: one per request. Info: state changed. Warn: degraded. Error: a person must act.
enum class Level { kDebug, kInfo, kWarn, kError };

/// Sends lines to this file (rotated at 64 MiB, five kept) instead of standard error, from `level` up.
/// Call once at the start of a program; before that, lines from kWarn up go to standard error.
Status open(const std::filesystem::path& file, Level level);

/// Writes one JSON line {"ts","level","msg",…fields}. `event` is a constant name such as "model_loaded";
/// inputs, outputs and secrets never stand in `fields` (an object).
///
/// Threads: any.
void write(Level level, std::string_view event, Json fields = Json::object());

/// Whether lines of this level are kept, for callers that would build costly fields.
bool enabled(Level level);

/// Level kInfo.
inline void info(std::string_view event, Json fields = Json::object()) {
  write(Level::kInfo, event, std::move(fields));
}
/// Level kWarn.
inline void warn(std::string_view event, Json fields = Json::object()) {
  write(Level::kWarn, event, std::move(fields));
}
/// Level kError.
inline void error(std::string_view event, Json fields = Json::object()) {
  write(Level::kError, event, std::move(fields));
}

}  // namespace amas::log
