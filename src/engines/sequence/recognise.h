#pragma once

#include "base/result.h"
#include "engines/sequence/net.h"
#include "onnx.pb.h"

namespace amas::engines::sequence {

/// Finds a Net in a graph by following what each node does to the meaning and the axes of its input, whatever
/// tool wrote it and in whatever order its nodes stand: Gather of a constant table, by tokens or by what
/// Keras makes of those below 0; Transpose, Squeeze, Unsqueeze, Reshape, Cast, Identity; LSTM and GRU
/// (`linear_before_reset`), given nothing to begin with or zeros of a shape that the graph computes; the last
/// state taken from Y_h or from Y's end; Conv of one stride, over the table's rows or over another, and its
/// maximum or mean over all steps, branches of them put together by Concat; means over the tokens above 0;
/// Gemm or MatMul and Add; Relu, Tanh, Sigmoid, Softmax. Whatever else it meets (other activations,
/// peepholes, clip, another initial state, layout 1, lengths that are not counted from the tokens, …) makes
/// it give up.
///
/// Errors: kUnimplemented saying what was met; kInvalidArgument when weights are malformed or not finite.
Result<Net> recognise(const onnx::ModelProto& model);

}  // namespace amas::engines::sequence
