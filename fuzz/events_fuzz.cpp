// Event files are read from bytes that anyone may have written. The input is taken once as a file, and once
// as the content of one record with right checksums, which mutations of a file would never have.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "telemetry/event_file.h"
#include "telemetry/record.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// What is whole reads the same without what follows it.
void check(std::string_view bytes) {
  const auto content = amas::telemetry::read_events(bytes);
  if (!content) return require(!content.error().message.empty());
  require(content->bytes <= bytes.size() && content->torn == (content->bytes < bytes.size()));
  const auto again = amas::telemetry::read_events(bytes.substr(0, content->bytes));
  require(again && !again->torn && again->records == content->records);
  require(again->scalars.size() == content->scalars.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  check(amas::telemetry::frame_record(bytes));
  return 0;
}
