#include <fmt/format.h>

#include <map>

#include "base/limits.h"
#include "telemetry/event_file.h"
#include "telemetry/event_message.h"
#include "telemetry/record.h"

namespace amas::telemetry {
namespace {

// Only the first value of a tag says which plugin the tag belongs to.
class ScalarCollector {
 public:
  explicit ScalarCollector(std::vector<ScalarPoint>& points) : points_(points) {}

  void take(const EventMessage& event) {
    for (const SummaryValue& value : event.values) {
      if (value.simple_value) {
        add(event, value, *value.simple_value);
      } else if (value.tensor) {
        const bool is_scalar = is_scalar_.try_emplace(value.tag, value.plugin == "scalars").first->second;
        if (!is_scalar) continue;
        if (const auto number = scalar_of_tensor(*value.tensor)) add(event, value, *number);
      }
    }
  }

 private:
  void add(const EventMessage& event, const SummaryValue& value, double number) {
    points_.push_back({std::string(value.tag), event.step, event.wall_seconds, number});
  }

  std::vector<ScalarPoint>& points_;
  std::map<std::string_view, bool> is_scalar_;
};

}  // namespace

Result<EventFileContent> read_events(std::string_view bytes) {
  EventFileContent content;
  ScalarCollector collector(content.scalars);
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const TakenRecord record = take_record(rest, limits::kEventRecordBytesMax);
    if (record.state == RecordState::kTooLong)
      return resource_exhausted(fmt::format("record of an event file is larger than allowed: {} > {} bytes",
                                            record.length, limits::kEventRecordBytesMax));
    if (record.state == RecordState::kTorn) {
      content.torn = true;
      break;
    }
    auto event = parse_event(record.data);
    if (!event) return event.error().at(fmt::format("record {}", content.records));
    collector.take(*event);
    ++content.records;
    content.bytes = bytes.size() - rest.size();
  }
  return content;
}

}  // namespace amas::telemetry
