#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// The value after Transpose, Squeeze, Unsqueeze, Reshape or Flatten, where they keep the meaning of its
/// axes.
///
/// Errors: kUnimplemented where they do not; kInvalidArgument when a constant is malformed.
Result<Value> move_axes(const NodeView& view, Value value);

/// Values side by side along C (states of directions and layers: D or C) after Concat.
///
/// `inputs`: those of the node, one or more. Errors: as move_axes.
Result<Value> join_values(const NodeView& view, std::span<const Value> inputs);

/// Whether a constant of these dims, added to a value, adds one number to each of C.
bool adds_to_channels(const onnx::TensorProto& tensor, const Value& value);

}  // namespace amas::engines::sequence
