#pragma once

#include "base/result.h"
#include "engines/sequence/graph_value.h"
#include "engines/sequence/node_view.h"

namespace amas::engines::sequence {

/// Reads a Conv node over embedded steps, or over those of another convolution: along T, with all of C read
/// at each, in one dimension or in two of which the other is a single one (or C itself, as many as there
/// are). The value that it gives has `number` as its convolution.
///
/// Errors: kUnimplemented when it has strides, dilations, groups or paddings that the kernels lack;
/// kInvalidArgument when a weight is malformed.
struct ConvolutionNode {
  Convolution convolution;
  Value value;
};
/// As said above.
Result<ConvolutionNode> read_convolution(const NodeView& view, const Value& input, int number);

/// The value after a maximum or mean over all of T: GlobalMaxPool, GlobalAveragePool, ReduceMax, ReduceMean,
/// or MaxPool and AveragePool as long as T.
///
/// Errors: kUnimplemented when something else is pooled; kInvalidArgument when its axes are malformed.
Result<Value> read_pooling(const NodeView& view, Value value);

}  // namespace amas::engines::sequence
