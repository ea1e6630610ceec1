#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// The value after Gather or Slice takes one index or a range of one axis: all of it; some directions or
/// layers; or the state at the step that was read last, which is the end of Y for a direction that reads
/// forward and its beginning for one in reverse. `masked`: rows end before Y does, so that neither is.
///
/// Errors: kUnimplemented when it takes something else; kInvalidArgument when a constant is malformed.
Result<Value> pick(const NodeView& view, Value value, bool masked);

}  // namespace amas::engines::sequence
