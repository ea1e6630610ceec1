#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "telemetry/metrics.h"

namespace amas::telemetry {
namespace {

std::optional<double> to_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The fields of /proc/self/stat behind the program's name, which may itself hold blanks and brackets: the
// first is field 3 of proc(5).
std::vector<std::string> stat_fields() {
  std::vector<std::string> fields;
  const auto text = read_file("/proc/self/stat", 1 << 16);
  if (!text) return fields;
  const auto name_end = text->rfind(')');
  if (name_end == std::string::npos || name_end + 2 > text->size()) return fields;
  for (const std::string_view field : split_at(trim(std::string_view(*text).substr(name_end + 2)), ' '))
    fields.emplace_back(field);
  return fields;
}

// Seconds since 1970 when the machine started.
std::optional<double> boot_seconds() {
  const auto text = read_file("/proc/stat", 16 << 20);
  if (!text) return std::nullopt;
  for (const std::string_view line : split_at(*text, '\n'))
    if (line.starts_with("btime ")) return to_number(line.substr(6));
  return std::nullopt;
}

double cpu_seconds() {
  // The same count that /proc gives in ticks of 10 ms, in microseconds.
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct ProcessGauges {
  std::shared_ptr<Gauge> memory, cpu, threads, files, start;

  void refresh() const {
    constexpr std::size_t kThreads = 20 - 3, kStart = 22 - 3, kPages = 24 - 3;
    cpu->set(cpu_seconds());
    if (const auto open = list_folder("/proc/self/fd")) files->set(static_cast<double>(open->size()));
    const std::vector<std::string> fields = stat_fields();
    if (fields.size() <= kPages) return;
    if (const auto count = to_number(fields[kThreads])) threads->set(*count);
    if (const auto pages = to_number(fields[kPages]))
      memory->set(*pages * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    const auto ticks = to_number(fields[kStart]);
    if (const auto boot = boot_seconds(); boot && ticks)
      start->set(*boot + *ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  }
};

}  // namespace

void register_process_metrics(MetricRegistry& registry) {
  const ProcessGauges gauges{
      registry.gauge("amas_process_resident_memory_bytes", "Memory of the process that lies in RAM."),
      registry.gauge("amas_process_cpu_seconds", "CPU time that the process has used, user and system."),
      registry.gauge("amas_process_threads", "Threads of the process."),
      registry.gauge("amas_process_open_files", "File descriptors that the process holds."),
      registry.gauge("amas_process_start_time_seconds", "When the process started, seconds since 1970."),
  };
  registry.before_render([gauges] { gauges.refresh(); });
}

}  // namespace amas::telemetry
