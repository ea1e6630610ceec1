#pragma once

#include <filesystem>

#include "base/result.h"

namespace amas::convert {

/// A format that amas reads.
enum class Format { kOnnx, kXgboost, kLightgbm };

/// A model file and what it was found to be.
struct Recognised {
  Format format = Format::kOnnx;
  std::filesystem::path file;
};

/// Looks into a file, or for the model in a folder; the ending of a name decides nothing.
///
/// Errors: kUnimplemented for a format that is known but not read, with what to do; kInvalidArgument for
///         what is not known, and for a folder without a model or with several; those of reading.
Result<Recognised> recognise(const std::filesystem::path& path);

}  // namespace amas::convert
