#include "base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "base/clock.h"

namespace amas::log {
namespace {

constexpr std::size_t kFileBytesMax = 64u << 20;
constexpr std::size_t kFilesMax = 5;

std::shared_ptr<spdlog::logger> make_logger(spdlog::sink_ptr sink) {
  auto logger = std::make_shared<spdlog::logger>("amas", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(spdlog::level::trace);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

struct State {
  std::shared_ptr<spdlog::logger> logger = make_logger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  std::atomic<Level> level{Level::kWarn};
};

State& state() {
  static State instance;
  return instance;
}

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    default:
      return "error";
  }
}

}  // namespace

Status open(const std::filesystem::path& file, Level level) {
  try {
    state().logger = make_logger(
        std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file.string(), kFileBytesMax, kFilesMax));
  } catch (const spdlog::spdlog_ex& error) {
    return Error{Code::kPermissionDenied, std::string("cannot open log file: ") + error.what()};
  }
  state().level = level;
  return {};
}

bool enabled(Level level) { return level >= state().level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Json fields) {
  if (!enabled(level)) return;
  fields["ts"] = format_time(system_clock().now_us());
  fields["level"] = level_name(level);
  fields["msg"] = event;
  state().logger->log(spdlog::level::info, dump_json(fields));
}

}  // namespace amas::log
