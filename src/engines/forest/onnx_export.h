#pragma once

#include <string>

#include "engines/forest/onnx_trees.h"

namespace amas::engines::forest {

/// Writes trees as a graph of one operator: `features` [N,features] → `scores` [N,targets], and `label` [N]
/// in front for a classifier. Rows are float32, or float64 where the forest is.
///
/// `trees`: its forest passes validate(); for a classifier there are labels. `version`: of ai.onnx.ml: 1 or 3
/// (TreeEnsembleClassifier, TreeEnsembleRegressor), or 5 (TreeEnsemble).
/// The same trees always give the same bytes.
/// Errors: kUnimplemented naming what the operator of that version cannot say: rounded categories, zero as
///         missing, sets before version 5; there also classes, base values, trees of one leaf and leaves of
///         several votes.
Result<std::string> export_trees(const TreeOperator& trees, std::int64_t version);

}  // namespace amas::engines::forest
