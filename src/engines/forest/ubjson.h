#pragma once

#include <string_view>

#include "base/json.h"

namespace amas::engines::forest {

/// Parses a document in Universal Binary JSON (draft 12, with typed arrays), XGBoost's binary format.
///
/// Errors: kInvalidArgument when it is not UBJSON or nests deeper than limits.depth_max; kResourceExhausted
///         beyond limits.bytes_max, or when it stands for more values than it has bytes.
/// Threads: any.
Result<Json> parse_ubjson(std::string_view bytes, const JsonLimits& limits = {});

}  // namespace amas::engines::forest
