#pragma once

#include <cstddef>
#include <filesystem>
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

/// Writes a checkpoint by rename: a safetensors file with a SHA-256 over all of it. The same content gives
/// the same bytes. Nothing is copied first: a checkpoint is several times as large as the model.
///
/// Errors: those of write_file_atomic; the file that was there stays.
Status write_checkpoint(const std::filesystem::path& file, const Json& state, std::string_view observer,
                        std::span<const CheckpointArray> arrays);

/// Reads one.
///
/// Errors: kDataLoss when it is cut, changed or something else: nothing of it can be trusted.
Result<Checkpoint> parse_checkpoint(std::string_view bytes);

}  // namespace amas::engine::torch_lstm
