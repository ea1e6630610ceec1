#pragma once

#include <optional>

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// The shape of a value, or the part of it that a Shape node asks for.
///
/// Errors: kUnimplemented where a size is not that of an axis.
Result<Computed> shape_of(const NodeView& view, const Value& value);

/// What a node makes of tensors that are computed from shapes or constant: Gather, Unsqueeze, Squeeze,
/// Concat, Cast, Slice, Mul, Reshape, ConstantOfShape, Expand, Transpose and Identity, of whole numbers and
/// of zeros.
///
/// Returns nothing where it reads something else, or does what is not known here.
std::optional<Computed> compute(const NodeView& view);

}  // namespace amas::engines::sequence
