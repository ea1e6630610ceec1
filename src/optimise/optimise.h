#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine_set.h"
#include "tensor/tensor.h"

namespace amas::optimise {

/// Quantises a graph dynamically to int8: LSTM → DynamicQuantizeLSTM (of the domain com.microsoft), MatMul
/// and Gemm → MatMulInteger with dynamically quantised inputs, tables that Gather reads to int8 with one
/// scale a row, or a column where rows are narrow (gathered before they are dequantised). Constants too small
/// to be worth it stay. A dynamically quantised input has one scale for the batch: scores vary within the
/// rounding with the rows beside them.
///
/// Errors: kUnimplemented when nothing in the graph can be quantised or its opset is below 11;
/// kInvalidArgument for
///         weights that are not finite or do not have the size of their dims; those of parse_onnx.
Result<std::string> quantise_int8(std::string_view onnx);

/// How much pruning leaves.
struct PruneOptions {
  double keep_units = 0.75;      ///< share of LSTM units, rounded to a multiple of 8, at least 8
  double keep_vocabulary = 0.5;  ///< share of embedding rows (or linear weights) that keep their own row
};

/// How many LSTM units a share of them is: see PruneOptions::keep_units; never more than there are.
std::int64_t kept_units(std::int64_t units, double share);

/// Prunes by magnitude and makes the graph smaller: LSTM units with the least weight are cut out of all
/// matrices; embedding rows nearest to the mean row, the more so the higher their number (tokenizers number
/// words by falling frequency), share one row, through a table from token to row (padding and the unknown
/// word, rows 0 and 1, keep theirs); of a linear model the smallest weights become the padding's zero row in
/// the same way.
///
/// Errors: kUnimplemented for a graph of another shape; kInvalidArgument for shares outside (0,1] or
/// malformed weights.
Result<std::string> prune(std::string_view onnx, const PruneOptions& options);

/// One optimised form and what it costs.
struct VariantResult {
  std::string name;  ///< "fp32", "int8", "pruned", "pruned-int8", or "compiled-" and a precision
  std::string onnx;
  engine::LoadOptions load{};  ///< how it is to be loaded
  Json details = Json::object();
  std::map<std::string, double> metrics{};
  double accuracy_drop = 0;
  bool allowed = true;
  std::vector<float> scores{};  ///< on the validation rows
};

/// What to try; from the spec's `optimise` section.
struct OptimiseOptions {
  double accuracy_drop_max = 0.005;
  std::vector<std::string> methods{"int8", "prune"};  ///< known: int8, prune
};

/// Rows to judge variants on.
struct JudgeRows {
  const std::vector<Tensor>* inputs = nullptr;  ///< as score_rows takes them
  /// Metrics of scores (row-major [rows, classes]); must hold "accuracy".
  std::function<Result<std::map<std::string, double>>(std::span<const float> scores)> evaluate;
};

/// Tries every method on the validation rows; pruning looks for the smallest shares that stay within the
/// drop: first of units and vocabulary alone, then of both together. "fp32" comes first. Left out are a
/// method that the graph does not admit, pruned forms that are no smaller, and pruning on top of which int8
/// is no smaller. A "pruned" that is not allowed is the best of those tried. Deterministic.
///
/// Then every compiled engine of the set that takes the graph, as trained and as pruned, is tried in each of
/// its precisions (int8 only where the methods hold it): "compiled-float32", "compiled-int16",
/// "pruned-compiled-int16", …; their details hold the largest and the mean difference of the scores from
/// those of the reference engine.
///
/// Errors: those of the reference engine on the fp32 graph; those of `evaluate`; kInvalidArgument for an
/// unknown method (names the
///         nearest), or metrics without "accuracy".
Result<std::vector<VariantResult>> optimise(std::string_view onnx, const JudgeRows& rows,
                                            engine::EngineSet& engines, const OptimiseOptions& options);

/// Variants of another graph than that which they were judged on.
struct Remade {
  std::vector<VariantResult> variants;
  std::vector<std::string> left_out;  ///< those that could not be made again: name and why
};

/// Makes judged variants again from another graph of the same net, such as one trained on more rows: "fp32"
/// is that graph, and the others are pruned by the same shares, quantised and run by the same engines as
/// their details say. Scores and the differences in the details are of the new graphs; metrics, accuracy_drop
/// and allowed stay what they were judged to be, since the new graph may have learnt from the rows at hand.
/// Left out is what the graph or its engine does not admit, or what is no smaller than the graph.
///
/// `judged`: as optimise() returns them. `inputs`: rows as score_rows takes them, prepared for the new graph.
/// Errors: those of the reference engine on the new graph.
Result<Remade> remake(std::string_view onnx, std::vector<VariantResult> judged,
                      const std::vector<Tensor>& inputs, engine::EngineSet& engines);

/// Runs a graph over rows in batches of up to 64 and limits::kBatchBytesMax and returns its first output, row
/// by row.
///
/// `inputs`: as in engine::Examples: in the order of the graph's inputs, or sparse rows, which are padded
/// batch by batch. Errors: kInvalidArgument when the inputs do not agree with each other or that output is
/// not float32; those of
///         running.
Result<std::vector<float>> score_rows(engine::LoadedModel& model, const std::vector<Tensor>& inputs);

}  // namespace amas::optimise
