#pragma once

#include "engines/forest/onnx_trees.h"

namespace amas::engines::forest {

/// Whether a feature is within the limits on imported forests; what lies beyond is left to ONNX Runtime.
bool is_feature(std::int64_t index);
/// The same for how many targets there are.
bool is_target_count(std::int64_t count);

/// A tensor attribute of a tree operator in the number type of its rows; empty when it is left out.
///
/// Errors: kUnimplemented when it is of another type; kInvalidArgument when it is malformed.
Result<std::vector<double>> tensor_numbers(const onnx::NodeProto& node, std::string_view name, Number number);

/// What is the same for all tree operators once nodes and votes are there: counts features, checks votes and
/// base values, sets the divisor.
///
/// Errors: kUnimplemented.
Status finish_operator(TreeOperator& read);

/// Reads TreeEnsemble of ai.onnx.ml 5.
///
/// Errors: as read_tree_operator().
Result<TreeOperator> read_tree_ensemble_5(const onnx::NodeProto& node, Number number);

}  // namespace amas::engines::forest
