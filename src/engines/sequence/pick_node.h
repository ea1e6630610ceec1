#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// The value after Gather or Slice takes one index or a range of one axis: all of it; some directions or
/// layers; or the states at the end of Y, which a direction that reads forward read last and one in reverse
/// first; or those at its beginning, where all are in reverse. `masked`: rows end before Y does, so that
/// neither is.
///
/// Errors: kUnimplemented when it takes something else; kInvalidArgument when a constant is malformed.
Result<Value> pick(const NodeView& view, Value value, bool masked);

}  // namespace amas::engines::sequence
