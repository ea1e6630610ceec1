#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/json/document.h"
#include "api/oip/signature.h"
#include "base/result.h"

namespace amas::oip {

/// An infer request but for the data of its inputs.
struct RequestHeader {
  /// An input.
  struct Input {
    InputHeader header;
    std::optional<std::int64_t>
        binary_bytes;  ///< size of its binary tensor; none: its data stand in the JSON
  };
  /// An output that is asked for.
  struct Output {
    std::string name;
    std::optional<bool> binary;  ///< none: as binary_outputs says
    std::int64_t classes = 0;
  };
  std::optional<std::string> id;
  std::string signature;  ///< the parameter; empty when it is not given
  std::int64_t timeout_us = 0;
  bool binary_outputs = false;
  std::vector<Input> inputs;
  std::vector<Output> outputs;  ///< empty: all
};

/// Reads all of a request but `data`, which cannot be read before shape and datatype are known, and may stand
/// in front of them. Unknown keys and parameters are checked and passed over.
///
/// Errors: kInvalidArgument naming the place.
Result<RequestHeader> read_header(json::Document& document);

/// Calls visit(element, place) for each element of a list, at most 1,024.
template <class Visit>
Status for_each_element(json::Value value, const json::Place& place, Visit visit) {
  constexpr std::size_t kElementsMax = 1'024;
  AMAS_TRY(json::Array array, json::read_array(value, place));
  std::size_t count = 0;
  for (auto element : array) {
    const json::Place here(place, count);
    if (++count > kElementsMax) return invalid_argument(place.text() + " has more than 1024 entries");
    json::Value item;
    if (const auto error = element.get(item)) return json::Document::malformed(error, here);
    AMAS_CHECK(visit(item, here));
  }
  return {};
}

/// Calls visit(key, member, place) for each member of an object.
template <class Visit>
Status for_each_member(json::Value value, const json::Place& place, Visit visit) {
  AMAS_TRY(json::Object object, json::read_object(value, place));
  return json::Document::for_each_member(object, [&](std::string_view key, json::Value member) {
    return visit(key, member, json::Place(place, key));
  });
}

}  // namespace amas::oip
