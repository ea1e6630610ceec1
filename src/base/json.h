#pragma once

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace amas {

/// A JSON document. Objects keep their keys sorted, so the same content always dumps to the same bytes.
using Json = nlohmann::json;

/// How large a document may be before parsing refuses it.
struct JsonLimits {
  std::size_t bytes_max = limits::kDocumentBytesMax;
  std::size_t depth_max = limits::kJsonDepthMax;
};

/// Parses one JSON document in UTF-8.
///
/// Errors: kInvalidArgument with the byte offset when it is not JSON or nests too deep; kResourceExhausted
/// when too
///         large.
/// Threads: any.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// The depth to which brackets nest in `text`, counted without parsing; brackets inside strings do not count.
std::size_t json_depth(std::string_view text);

/// Renders without throwing: bytes that are not UTF-8 become U+FFFD. `indent` < 0: one line.
std::string dump_json(const Json& document, int indent = -1);

/// Returns object[key] as a T (bool, an integer, double, std::string, Json).
///
/// Errors: kInvalidArgument naming the key when it is missing, of another type, or outside T's range.
template <class T>
Result<T> json_field(const Json& object, std::string_view key);

/// The same, or `fallback` where the key is missing or null.
template <class T>
Result<T> json_field_or(const Json& object, std::string_view key, T fallback) {
  if (!object.is_object()) return invalid_argument("not a JSON object, looking for: " + std::string(key));
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return fallback;
  return json_field<T>(object, key);
}

/// Returns object[key], which must be an array whose elements are all Ts.
template <class T>
Result<std::vector<T>> json_array(const Json& object, std::string_view key);

}  // namespace amas
