#pragma once

#include "base/result.h"
#include "engines/sequence/net.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// Reads the weights of a Gemm or MatMul node over `width` values.
///
/// Errors: kUnimplemented when it has options or sizes that the head lacks; kInvalidArgument when a weight is
/// malformed.
Result<DenseLayer> read_dense_layer(const NodeView& view, int width);

}  // namespace amas::engines::sequence
