#pragma once

#include "base/result.h"
#include "engines/sequence/net.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// Reads the weights of an LSTM or GRU node whose steps have `input` values, with the gates in our order.
///
/// Errors: kUnimplemented when it has options or sizes that the kernels lack; kInvalidArgument when a weight
/// is malformed.
Result<RecurrentLayer> read_recurrent_layer(const NodeView& view, int input);

}  // namespace amas::engines::sequence
