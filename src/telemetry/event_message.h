#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::telemetry {

/// The parts of a tensorflow.Summary.Value that we look at; all borrowed from the message.
struct SummaryValue {
  std::string_view tag;
  std::string_view plugin;             ///< empty behind a tag's first value
  std::optional<double> simple_value;  ///< of files older than TensorFlow 2
  std::optional<std::string_view> tensor;
};

/// The parts of a tensorflow.Event that we look at; all borrowed from the message.
struct EventMessage {
  double wall_seconds = 0;
  std::int64_t step = 0;
  std::string_view file_version;  ///< only in a file's first event
  std::vector<SummaryValue> values;
};

/// Reads one event.
///
/// Errors: kInvalidArgument when the bytes are not such a message.
Result<EventMessage> parse_event(std::string_view bytes);

/// The number of a tensor that holds one float or double; nothing for any other tensor.
std::optional<double> scalar_of_tensor(std::string_view tensor);

}  // namespace amas::telemetry
