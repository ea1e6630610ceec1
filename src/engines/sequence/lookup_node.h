#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// Each token's row of the table, after Gather from a list of them, as pruning writes it. Sets net.row_of.
///
/// Errors: kUnimplemented when it is something else; kInvalidArgument when the list is malformed.
Result<Value> find_rows(const NodeView& view, const Value& tokens, Net& net);

/// Rows of the table, after Gather from it. Sets net.table and its sizes.
///
/// Errors: as find_rows.
Result<Value> embed(const NodeView& view, const Value& index, Net& net);

}  // namespace amas::engines::sequence
