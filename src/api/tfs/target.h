#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "serve/request.h"

namespace amas::tfs {

/// What a path below /v1/models asks for.
enum class Verb { kStatus, kMetadata, kPredict, kClassify, kRegress };

/// A path below /v1/models, taken apart.
struct Target {
  Verb verb = Verb::kStatus;
  std::string model;  ///< decoded; empty for the list of models
  serve::VersionChoice version;
};

/// Whether a path is TensorFlow Serving's at all.
bool is_target(std::string_view path);

/// Takes a path apart as TensorFlow Serving's regular expressions do, ignoring case:
/// POST /v1/models/{model}[/versions/{n}|/labels/{label}]:{predict|classify|regress},
/// GET /v1/models[/{model}[/versions/{n}|/labels/{label}][/metadata]].
///
/// Errors: kInvalidArgument when it does not fit.
Result<Target> parse_target(std::string_view method, std::string_view path);

}  // namespace amas::tfs
