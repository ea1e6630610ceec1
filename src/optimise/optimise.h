#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"
#include "tensor/tensor.h"

namespace amas::optimise {

/// Quantises a graph dynamically to int8: LSTM → DynamicQuantizeLSTM, MatMul → MatMulInteger with dynamically quantised
/// inputs, embedding tables to int8 with one scale a row (gathered before they are dequantised).
///
/// Errors: kUnimplemented when nothing in the graph can be quantised; those of parse_onnx.
Result<std::string> quantise_int8(std::string_view onnx);

/// How much pruning leaves.
struct PruneOptions {
  double keep_units = 0.75;       ///< share of LSTM units, rounded to a multiple of 8, at least 8
  double keep_vocabulary = 0.5;   ///< share of embedding rows (or linear weights) that keep their own row
};

/// Prunes by magnitude and makes the graph smaller: LSTM units with the least weight are cut out of all matrices;
/// embedding rows nearest to the mean row share one row, through a table from token to row; of a linear model the smallest
/// weights become the padding's zero row in the same way.
///
/// Errors: kUnimplemented for a graph of another shape; kInvalidArgument for shares outside (0,1].
Result<std::string> prune(std::string_view onnx, const PruneOptions& options);

/// One optimised form and what it costs.
struct VariantResult {
  std::string name;  ///< "fp32", "int8", "pruned", "pruned-int8"
  std::string onnx;
  Json details = Json::object();
  std::map<std::string, double> metrics;
  double accuracy_drop = 0;
  bool allowed = true;
  std::vector<float> scores;  ///< on the validation rows
};

/// What to try; from the spec's `optimise` section.
struct OptimiseOptions {
  double accuracy_drop_max = 0.005;
  std::vector<std::string> methods{"int8", "prune"};  ///< known: int8, prune
};

/// Rows to judge variants on.
struct JudgeRows {
  const std::vector<Tensor>* inputs = nullptr;  ///< in the order of the graph's inputs
  /// Metrics of scores (row-major [rows, classes]); must hold "accuracy".
  std::function<Result<std::map<std::string, double>>(std::span<const float> scores)> evaluate;
};

/// Tries every method on the validation rows; pruning looks for the smallest shares that stay within the drop. "fp32"
/// comes first. A method that a graph does not admit is left out. Deterministic.
///
/// Errors: those of the engine on the fp32 graph; kInvalidArgument for an unknown method (names the nearest).
Result<std::vector<VariantResult>> optimise(std::string_view onnx, const JudgeRows& rows, engine::Engine& engine,
                                            const OptimiseOptions& options);

/// Runs a graph over rows in batches of 64 and returns its first output.
Result<std::vector<float>> score_rows(engine::LoadedModel& model, const std::vector<Tensor>& inputs);

}  // namespace amas::optimise
