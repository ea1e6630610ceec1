#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// Whether a value is part of how Keras looks up tokens below 0, by counting them from the table's end: it
/// adds the table's rows to those, and takes each token or that sum, by Where or by products with 0 and 1.
bool is_wrapping(const Value& value);

/// The value after one of those steps: Add, Less, Not, Mul.
///
/// Errors: kUnimplemented for everything else; kInvalidArgument when a constant is malformed.
Result<Value> wrap_tokens(const NodeView& view, const Value& left, const Value* right);

/// The value after Cast to a type that keeps its numbers.
///
/// Errors: as wrap_tokens.
Result<Value> cast_value(const NodeView& view, Value value);

/// Tokens after Where, which is the last of those steps.
///
/// Errors: as wrap_tokens.
Result<Value> choose_tokens(const NodeView& view, const Value& condition, const Value& yes, const Value& no);

}  // namespace amas::engines::sequence
