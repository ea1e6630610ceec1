#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::engine::torch_lstm {

/// One array to be written, borrowed.
struct CheckpointArray {
  std::string name;
  Shape shape;
  std::span<const float> values;
};

/// A checkpoint read back. docs/formats/checkpoint.md.
struct Checkpoint {
  Json state;            ///< where training stands
  std::string observer;  ///< what the observer gave, any bytes
  std::map<std::string, std::vector<float>> arrays;
};

/// Renders a checkpoint: a safetensors file with a SHA-256 over all of it. The same content gives the same
/// bytes.
std::string render_checkpoint(const Json& state, std::string_view observer,
                              std::span<const CheckpointArray> arrays);

/// Reads one.
///
/// Errors: kDataLoss when it is cut, changed or something else: nothing of it can be trusted.
Result<Checkpoint> parse_checkpoint(std::string bytes);

}  // namespace amas::engine::torch_lstm
