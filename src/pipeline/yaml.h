#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace amas::pipeline {

/// A YAML document as JSON, with the line on which each value stands.
struct YamlDocument {
  Json value;
  std::map<std::string, int> lines;  ///< "model.candidates[0].units" → line, from 1

  /// "line 12: " for a path, or of its nearest parent that has one; "" when unknown.
  std::string place(const std::string& path) const;
};

/// Reads YAML 1.2's core types: null, true/false (and on/off, yes/no), numbers, strings, lists, maps with
/// string keys. Anchors and aliases are refused, a map with the same key twice, numbers that are not finite,
/// and a second document.
///
/// Errors: kInvalidArgument with the line; kFailedPrecondition beyond limits::kSpecBytesMax.
Result<YamlDocument> parse_yaml(std::string_view text);

/// What a key of a section may hold.
struct Key {
  /// What a value may be.
  enum class Kind { kBool, kInteger, kNumber, kString, kStrings, kMap, kMaps, kDuration, kAny };
  std::string_view name;
  Kind kind = Kind::kString;
  /// The value when the key is left out; a null default with `required` unset stays null.
  Json fallback = nullptr;
  double low = 0;                     ///< for numbers and durations (seconds): lowest allowed value …
  double high = 0;                    ///< … and highest; both 0: any
  std::vector<std::string> one_of{};  ///< for strings; empty: any
  bool required = false;
};

/// Checks a section against its keys and fills in what is left out. Durations such as "10m", "30s", "2h" or a
/// number of seconds become seconds. A single string stands for a list of one.
///
/// Errors: kInvalidArgument with place and path: an unknown key (names the nearest), a wrong type, a value
/// out of range
///         (says the range or the choices), a missing required key.
Result<Json> check_section(const YamlDocument& document, const Json& section, const std::string& path,
                           const std::vector<Key>& keys);

}  // namespace amas::pipeline
