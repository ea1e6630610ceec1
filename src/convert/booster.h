#pragma once

#include <string_view>

#include "convert/onnx_file.h"
#include "engines/forest/forest.h"

namespace amas::convert {

/// What a graph made of a booster ends in.
enum class Ending {
  kPredictions,  ///< what the library's predict gives
  kMargins,      ///< the sums of the trees: `scores` [-1,targets]
};

/// Writes a booster as an ONNX graph: `features` [-1,F], FLOAT32 for XGBoost and FLOAT64 for LightGBM (whose
/// rows are doubles), missing values as NaN. A classifier gives `label` INT64 [-1], the number of the class,
/// and `scores` FLOAT32 [-1,classes]; everything else `prediction` FLOAT32 [-1,targets].
///
/// Errors: kUnimplemented for what ONNX cannot say: leaves that are vectors beside categories, and columns
///         that are categories in one split and numbers in another.
Result<std::string> booster_graph(engines::forest::Forest forest, Ending ending);

/// Whether a booster's objective tells classes apart.
bool is_classifier(const engines::forest::Forest& forest);

/// Reads a model file of XGBoost (JSON or UBJSON) and makes a graph of it.
///
/// Errors: those of forest::read_xgboost and booster_graph().
Result<Graph> read_xgboost_model(std::string_view bytes);
/// The same for LightGBM's text format.
Result<Graph> read_lightgbm_model(std::string_view text);

}  // namespace amas::convert
