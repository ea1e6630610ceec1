#include "base/json.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

namespace amas {
namespace {

template <class T>
bool holds(const Json& value) {
  if constexpr (std::same_as<T, Json>) return true;
  else if constexpr (std::same_as<T, bool>) return value.is_boolean();
  else if constexpr (std::same_as<T, std::string>) return value.is_string();
  else if constexpr (std::floating_point<T>) return value.is_number();
  else if (value.is_number_unsigned())
    return value.template get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
  else if (!value.is_number_integer()) return false;
  else return std::in_range<T>(value.template get<std::int64_t>());  // also what a program set from an int
}

template <class T>
constexpr std::string_view kind_of() {
  if constexpr (std::same_as<T, bool>) return "true or false";
  else if constexpr (std::same_as<T, std::string>) return "a string";
  else if constexpr (std::floating_point<T>) return "a number";
  else if constexpr (std::unsigned_integral<T>) return "a whole number from 0 up";
  else return "a whole number";
}

template <class T>
Error wrong_kind(std::string_view key) {
  return invalid_argument(fmt::format("JSON value has the wrong type: \"{}\" must be {}", key, kind_of<T>()));
}

Result<const Json*> find(const Json& object, std::string_view key) {
  if (!object.is_object())
    return invalid_argument(fmt::format("not a JSON object, looking for: \"{}\"", key));
  const auto at = object.find(key);
  if (at == object.end()) return invalid_argument(fmt::format("JSON key is missing: \"{}\"", key));
  return &*at;
}

}  // namespace

std::size_t json_depth(std::string_view text) {
  std::size_t depth = 0, deepest = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max)
    return resource_exhausted(
        fmt::format("JSON is larger than allowed: {} > {} bytes", text.size(), limits.bytes_max));
  if (const auto depth = json_depth(text); depth > limits.depth_max)
    return invalid_argument(fmt::format("JSON nests deeper than allowed: {} > {}", depth, limits.depth_max));
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return invalid_argument(fmt::format("not valid JSON at byte {}", error.byte));
  } catch (const Json::exception& error) {
    return invalid_argument(fmt::format("not valid JSON: {}", error.what()));
  }
}

std::string dump_json(const Json& document, int indent) {
  return document.dump(indent, ' ', false, Json::error_handler_t::replace);
}

template <class T>
Result<T> json_field(const Json& object, std::string_view key) {
  AMAS_TRY(const Json* value, find(object, key));
  if (!holds<T>(*value)) return wrong_kind<T>(key);
  return value->get<T>();
}

template <class T>
Result<std::vector<T>> json_array(const Json& object, std::string_view key) {
  AMAS_TRY(const Json* array, find(object, key));
  if (!array->is_array()) return invalid_argument(fmt::format("JSON value must be an array: \"{}\"", key));
  std::vector<T> values;
  values.reserve(array->size());
  for (const Json& value : *array) {
    if (!holds<T>(value)) return wrong_kind<T>(key);
    values.push_back(value.get<T>());
  }
  return values;
}

#define AMAS_INSTANTIATE(T)                                        \
  template Result<T> json_field<T>(const Json&, std::string_view); \
  template Result<std::vector<T>> json_array<T>(const Json&, std::string_view);
AMAS_INSTANTIATE(bool)
AMAS_INSTANTIATE(std::int32_t)
AMAS_INSTANTIATE(std::uint32_t)
AMAS_INSTANTIATE(std::int64_t)
AMAS_INSTANTIATE(std::uint64_t)
AMAS_INSTANTIATE(float)
AMAS_INSTANTIATE(double)
AMAS_INSTANTIATE(std::string)
AMAS_INSTANTIATE(Json)
#undef AMAS_INSTANTIATE

}  // namespace amas
