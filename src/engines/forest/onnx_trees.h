#pragma once

#include <string>
#include <vector>

#include "engines/forest/forest.h"
#include "onnx.pb.h"

namespace amas::engines::forest {

/// A tree operator of ONNX's domain ai.onnx.ml, as ONNX Runtime understands it.
///
/// `forest` has no base: ONNX Runtime adds base values in ways that depend on which classes had votes.
struct TreeOperator {
  Forest forest{};
  bool classifier = false;
  std::vector<double> base_values{};       ///< as in the attribute: none, one, or one a target
  std::vector<std::int64_t> labels{};      ///< of the classes, or empty
  std::vector<std::string> label_names{};  ///< of the classes where they are strings, or empty
  bool one_sided = false;                  ///< two classes, and all leaves vote for the same one
  bool all_positive = false;               ///< no weight of a classifier is below 0
};

/// Whether the node is one that read_tree_operator() knows.
bool is_tree_operator(const onnx::NodeProto& node);

/// Reads TreeEnsembleClassifier or TreeEnsembleRegressor (ai.onnx.ml 1 to 4) or TreeEnsemble (5).
///
/// `version`: of ai.onnx.ml. `number`: kFloat64 when the rows are doubles, else kFloat32. The forest's
/// `features` are as many as its nodes ask for; it has passed validate().
/// Errors: kUnimplemented when the operator is none of these, or has something of which it is not certain
///         what ONNX Runtime would make; kInvalidArgument when lists that belong together have different
///         lengths or an attribute another type.
Result<TreeOperator> read_tree_operator(const onnx::NodeProto& node, std::int64_t version, Number number);

}  // namespace amas::engines::forest
