#include "api/oip/request_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/oip/datatype.h"

namespace amas::oip {
namespace {

using json::Place;
using json::Value;

constexpr std::size_t kRankMax = 16;

// A parameter that nobody here knows: a string, a number or a truth value.
Status skip_parameter(Value value, std::string_view key, const Place& place) {
  if (json::first_byte(value) == '{' || json::first_byte(value) == '[')
    return invalid_argument(
        fmt::format("parameter '{}' has invalid type. It should be either 'int', 'bool', or 'string'.", key));
  return json::skip(value, place);
}

Status read_shape(Value value, const Place& place, Shape& shape) {
  shape = {};
  return for_each_element(value, place, [&](Value item, const Place& here) -> Status {
    AMAS_TRY(const std::int64_t size, json::read_integer(item, here));
    if (size < 0) return invalid_argument(fmt::format("{} must not be negative: {}", here.text(), size));
    if (shape.size() == kRankMax)
      return invalid_argument(
          fmt::format("{} has more dimensions than allowed: > {}", place.text(), kRankMax));
    shape.push_back(size);
    return {};
  });
}

Status read_datatype(Value value, const Place& place, InputHeader& header) {
  AMAS_TRY(const std::string name, json::read_string(value, place));
  const auto dtype = datatype_from_name(name);
  if (!dtype) return invalid_argument(fmt::format("invalid datatype for input {}", header.name));
  header.dtype = *dtype;
  return {};
}

Status read_binary_size(Value value, const Place& place, RequestHeader::Input& input) {
  json::KeysSeen seen;
  return for_each_member(value, place, [&](std::string_view key, Value member, const Place& here) -> Status {
    if (key != "binary_data_size") return skip_parameter(member, key, here);
    AMAS_CHECK(seen.note(key, place));
    AMAS_TRY(input.binary_bytes, json::read_integer(member, here));
    return {};
  });
}

Status check_complete(const std::vector<std::string>& keys, bool is_binary, const Place& place) {
  constexpr std::string_view kOneSource =
      "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters'. ";
  const auto has = [&](std::string_view key) { return std::ranges::find(keys, key) != keys.end(); };
  for (const char* key : {"name", "shape", "datatype"})
    if (!has(key)) return invalid_argument(fmt::format("{} lacks the key \"{}\"", place.text(), key));
  for (const std::string& key : keys)
    if (std::ranges::count(keys, key) > 1)
      return invalid_argument(fmt::format("{} has the key \"{}\" twice", place.text(), key));
  if (has("data") && is_binary)
    return invalid_argument(fmt::format("{}But set 'data' 'binary_data_size'", kOneSource));
  if (!has("data") && !is_binary) return invalid_argument(fmt::format("{}But no field is set", kOneSource));
  return {};
}

Status read_input(RequestHeader& request, Value value, const Place& place) {
  RequestHeader::Input input;
  std::vector<std::string> keys;  // those that we know, as often as they stand there
  AMAS_CHECK(
      for_each_member(value, place, [&](std::string_view key, Value member, const Place& here) -> Status {
        constexpr std::array<std::string_view, 5> kKnown{"name", "shape", "datatype", "parameters", "data"};
        if (std::ranges::find(kKnown, key) == kKnown.end()) return json::skip(member, here);
        keys.emplace_back(key);
        if (key == "shape") return read_shape(member, here, input.header.shape);
        if (key == "datatype") return read_datatype(member, here, input.header);
        if (key == "parameters") return read_binary_size(member, here, input);
        if (key == "data") return {};
        AMAS_TRY(input.header.name, json::read_string(member, here));
        return {};
      }));
  AMAS_CHECK(check_complete(keys, input.binary_bytes.has_value(), place));
  request.inputs.push_back(std::move(input));
  return {};
}

Status read_output_parameters(RequestHeader::Output& output, Value value, const Place& place) {
  json::KeysSeen seen;
  return for_each_member(value, place, [&](std::string_view key, Value member, const Place& here) -> Status {
    if (key == "binary_data" || key == "classification") AMAS_CHECK(seen.note(key, place));
    if (key == "binary_data") {
      AMAS_TRY(output.binary, json::read_bool(member, here));
    } else if (key == "classification") {
      AMAS_TRY(output.classes, json::read_integer(member, here));
    } else {
      return skip_parameter(member, key, here);
    }
    return {};
  });
}

Status read_output(RequestHeader& request, Value value, const Place& place) {
  RequestHeader::Output output;
  json::KeysSeen seen;
  const auto visit = [&](std::string_view key, Value member, const Place& here) -> Status {
    if (key != "parameters" && key != "name") return json::skip(member, here);
    AMAS_CHECK(seen.note(key, place));
    if (key == "parameters") return read_output_parameters(output, member, here);
    AMAS_TRY(output.name, json::read_string(member, here));
    return {};
  };
  AMAS_CHECK(for_each_member(value, place, visit));
  if (output.name.empty()) return invalid_argument(fmt::format("{} lacks the key \"name\"", place.text()));
  request.outputs.push_back(std::move(output));
  return {};
}

bool is_known_parameter(std::string_view key) {
  return key == "binary_data_output" || key == "signature" || key == "timeout";
}

Status read_parameter(RequestHeader& request, std::string_view key, Value value, const Place& place) {
  if (key == "binary_data_output") {
    AMAS_TRY(request.binary_outputs, json::read_bool(value, place));
  } else if (key == "signature") {
    AMAS_TRY(request.signature, json::read_string(value, place));
  } else if (key == "timeout") {
    AMAS_TRY(request.timeout_us, json::read_integer(value, place));
  } else {
    return skip_parameter(value, key, place);
  }
  return {};
}

Status read_member(RequestHeader& request, std::string_view key, Value value) {
  const Place place(key);
  if (key == "id") {
    AMAS_TRY(request.id, json::read_string(value, place));
    return {};
  }
  if (key == "inputs")
    return for_each_element(value, place,
                            [&](Value item, const Place& here) { return read_input(request, item, here); });
  if (key == "outputs")
    return for_each_element(value, place,
                            [&](Value item, const Place& here) { return read_output(request, item, here); });
  if (key == "parameters") {
    json::KeysSeen seen;
    return for_each_member(value, place,
                           [&](std::string_view name, Value member, const Place& here) -> Status {
                             if (is_known_parameter(name)) AMAS_CHECK(seen.note(name, place));
                             return read_parameter(request, name, member, here);
                           });
  }
  return json::skip(value, place);
}

}  // namespace

Result<RequestHeader> read_header(json::Document& document) {
  RequestHeader request;
  json::KeysSeen seen;
  bool has_inputs = false;
  const auto visit = [&](std::string_view key, Value value) -> Status {
    constexpr std::array<std::string_view, 4> kKnown{"id", "inputs", "outputs", "parameters"};
    if (std::ranges::find(kKnown, key) != kKnown.end()) AMAS_CHECK(seen.note(key, Place("request")));
    has_inputs = has_inputs || key == "inputs";
    return read_member(request, key, value);
  };
  AMAS_CHECK(document.for_each_key(visit));
  if (!has_inputs) return invalid_argument("request lacks the key \"inputs\"");
  return request;
}

}  // namespace amas::oip
