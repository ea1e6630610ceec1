#include "telemetry/event_message.h"

#include "telemetry/protobuf_wire.h"

namespace amas::telemetry {
namespace {

constexpr std::uint64_t kFloat = 1;
constexpr std::uint64_t kDouble = 2;

Error not_an_event() {
  return invalid_argument("record is not a TensorBoard event; is this another kind of TFRecord file?");
}

// SummaryMetadata{1 plugin_data{1 plugin_name}}
std::string_view plugin_name(std::string_view metadata) {
  MessageReader reader(metadata);
  while (const auto field = reader.next()) {
    if (field->number != 1 || field->wire_type != 2) continue;
    MessageReader plugin(field->bytes);
    while (const auto inner = plugin.next())
      if (inner->number == 1 && inner->wire_type == 2) return inner->bytes;
  }
  return {};
}

Result<SummaryValue> parse_value(std::string_view bytes) {
  SummaryValue value;
  MessageReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number == 1 && field->wire_type == 2) value.tag = field->bytes;
    else if (field->number == 2 && field->wire_type == 5) value.simple_value = field->real32();
    else if (field->number == 8 && field->wire_type == 2) value.tensor = field->bytes;
    else if (field->number == 9 && field->wire_type == 2) value.plugin = plugin_name(field->bytes);
  }
  if (reader.malformed()) return not_an_event();
  return value;
}

Status parse_summary(std::string_view bytes, std::vector<SummaryValue>& values) {
  MessageReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number != 1 || field->wire_type != 2) continue;
    AMAS_TRY(auto value, parse_value(field->bytes));
    values.push_back(value);
  }
  if (reader.malformed()) return not_an_event();
  return {};
}

// One element of raw little-endian memory, or of a packed field.
std::optional<double> number_of_bytes(std::string_view bytes, std::uint64_t type) {
  const std::size_t width = type == kFloat ? 4 : 8;
  if (bytes.size() != width) return std::nullopt;
  WireField field;
  for (std::size_t i = 0; i < width; ++i)
    field.value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return type == kFloat ? double{field.real32()} : field.real();
}

// TensorShapeProto{2 dim{1 size}}: whether it is a shape of one element.
bool one_element(std::string_view shape) {
  MessageReader reader(shape);
  while (const auto field = reader.next()) {
    if (field->number != 2 || field->wire_type != 2) continue;
    MessageReader dim(field->bytes);
    std::uint64_t size = 0;
    while (const auto inner = dim.next())
      if (inner->number == 1 && inner->wire_type == 0) size = inner->value;
    if (size != 1) return false;
  }
  return !reader.malformed();
}

}  // namespace

Result<EventMessage> parse_event(std::string_view bytes) {
  EventMessage event;
  MessageReader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->number == 1 && field->wire_type == 1) event.wall_seconds = field->real();
    else if (field->number == 2 && field->wire_type == 0)
      event.step = static_cast<std::int64_t>(field->value);
    else if (field->number == 3 && field->wire_type == 2) event.file_version = field->bytes;
    else if (field->number == 5 && field->wire_type == 2)
      AMAS_CHECK(parse_summary(field->bytes, event.values));
  }
  if (reader.malformed()) return not_an_event();
  return event;
}

// TensorProto{1 dtype, 2 tensor_shape, 4 tensor_content, 5 float_val, 6 double_val}
std::optional<double> scalar_of_tensor(std::string_view tensor) {
  std::uint64_t type = 0;
  std::optional<std::string_view> content;
  std::optional<double> value;
  MessageReader reader(tensor);
  while (const auto field = reader.next()) {
    if (field->number == 1 && field->wire_type == 0) type = field->value;
    else if (field->number == 2 && field->wire_type == 2 && !one_element(field->bytes)) return std::nullopt;
    else if (field->number == 4 && field->wire_type == 2) content = field->bytes;
    else if (field->number == 5 && field->wire_type == 5) value = field->real32();
    else if (field->number == 5 && field->wire_type == 2) value = number_of_bytes(field->bytes, kFloat);
    else if (field->number == 6 && field->wire_type == 1) value = field->real();
    else if (field->number == 6 && field->wire_type == 2) value = number_of_bytes(field->bytes, kDouble);
  }
  if (reader.malformed() || (type != kFloat && type != kDouble)) return std::nullopt;
  return content && !content->empty() ? number_of_bytes(*content, type) : value;
}

}  // namespace amas::telemetry
