#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// The axes of a value after a node reduces it over T, and over single ones beside it.
///
/// Errors: kUnimplemented when it reduces others; kInvalidArgument when a constant is malformed.
Result<std::string> reduced_axes(const NodeView& view, const Value& value);

/// Which tokens are above 0, how many are, the sum of their rows: Sign, Equal and Greater with 0, Not,
/// ReduceSum, and a least number of them by Max or Clip.
///
/// Errors: as reduced_axes.
Result<Value> read_count(const NodeView& view, Value value);

/// Rows where tokens are above 0 (Mul), or the sum of those by how many there are (Div), which is a mean.
///
/// Errors: kUnimplemented for everything else.
Result<Value> read_masked(const NodeView& view, const Value& left, const Value& right);

}  // namespace amas::engines::sequence
