#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace amas::oip {

/// What a path below /v2 asks for.
enum class Verb {
  kServer,
  kLive,
  kServerReady,
  kModels,
  kIndex,
  kAllStatistics,
  kModel,
  kModelReady,
  kConfig,
  kStatistics,
  kInfer,
  kLoad,
  kUnload
};

/// A path below /v2, taken apart.
struct Target {
  Verb verb = Verb::kServer;
  std::string model;
  std::optional<std::int64_t> version;
};

/// Whether a path is the protocol's at all.
bool is_target(std::string_view path);

/// The method that a verb wants.
std::string_view method_of(Verb verb);

/// Takes a path apart.
///
/// Errors: kNotFound for a path that is not known; kInvalidArgument for a version that is no whole number
/// from 1 up.
Result<Target> parse_target(std::string_view path);

}  // namespace amas::oip
