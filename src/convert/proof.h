#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/engine_set.h"
#include "model/manifest.h"

namespace amas::convert {

/// How far two answers to the same question are apart.
struct Difference {
  double largest = 0;     ///< of |a - b| / max(1, |a|) over floats
  double mean = 0;        ///< of the same
  double mismatched = 0;  ///< share of labels (whole numbers, strings) that are not the same
};

/// Compares outputs; `expected` comes first in Difference. NaN equals NaN. Where dtypes or shapes differ
/// everything is infinitely far apart.
Difference compare(const std::vector<Tensor>& expected, const std::vector<Tensor>& found);

/// Whether a variant of this precision ("float32", "int16", "int8") answers near enough to ONNX Runtime.
/// float32: 1e-4 at most; int16: 0.01 at most and 0.001 on average; int8: 0.02 on average. Labels differ in
/// no more than 1 % of all places (float32: 0.1 %).
bool is_near(const Difference& difference, const std::string& precision);

/// Questions to try a graph with, each a list of inputs in its order.
using Questions = std::vector<std::vector<Tensor>>;

/// Gives the user's rows once it is known what the graph takes; in the order of its inputs.
using ReadRows = std::function<Result<std::vector<Tensor>>(const model::Signature& signature)>;

/// What a graph was seen to do.
struct Proof {
  model::Signature signature{};                ///< what it takes and gives
  bool has_rows = false;                       ///< rows of a batch answer as they do alone
  std::string why_no_rows{};                   ///< a sentence; empty where there are rows
  std::vector<model::Variant> variants{};      ///< "fp32" first; `bytes` is left to the package
  std::map<std::string, std::string> files{};  ///< of the graph and those made of it, by name
  Questions questions{};                       ///< single rows to measure with; empty where none was found
  std::vector<std::string> notes{};            ///< what the user should know
};

/// Tries a graph on ONNX Runtime and on every compiled engine of the set that takes it, on made-up rows and
/// on those of the user. int8 is tried only on the user's rows, since it is right only for inputs like them.
///
/// `read_rows`: may be empty.
/// Errors: those of loading it on ONNX Runtime; those of `read_rows`; kInvalidArgument when its rows do not
///         fit the graph.
Result<Proof> prove(const std::string& onnx, const ReadRows& read_rows, engine::EngineSet& engines);

}  // namespace amas::convert
