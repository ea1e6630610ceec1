#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"

namespace amas::model {

/// The version of model.json that this program writes, and the newest that it reads.
inline constexpr std::int32_t kManifestVersion = 1;

/// A way to call a model. "serving_default" takes raw features and gives `label` STRING [-1] and `scores`
/// FLOAT32 [-1,classes]; "tensors" takes what the graph takes and gives what it gives. A package without a
/// preparation has "serving_default" only, which is then what the graph takes and gives.
struct Signature {
  std::vector<engine::TensorSpec> inputs;
  std::vector<engine::TensorSpec> outputs;
};

/// One way to serve a package: the model as trained ("fp32"), an optimised form of its graph ("int8", …), or
/// one of these on a compiled engine ("compiled-int16", …), which then share a file.
struct Variant {
  std::string name;         ///< "fp32", "int8", "pruned", "pruned-int8", "compiled-int16", …
  std::string file;         ///< its graph, such as "model.int8.onnx"
  std::uint64_t bytes = 0;  ///< of that file; filled by seal()
  std::string engine{};     ///< that runs it; empty: ONNX Runtime
  std::string precision{};  ///< that the engine computes with; empty: it offers no choice
  /// Metrics on the validation rows ("accuracy", "log_loss", …); the same in every run.
  std::map<std::string, double> metrics{};
  /// Accuracy on validation rows lost against "fp32" (negative: gained).
  double accuracy_drop = 0;
  /// Whether the drop is within the spec's accuracy_drop_max.
  bool allowed = true;
  /// What was done: {"method":"int8",…} or {"method":"prune","units":48,…}.
  Json details = Json::object();
};

/// A metric with its 95 % confidence interval.
struct Metric {
  double value = 0;
  double low = 0;
  double high = 0;
};

/// The second training of a model that was chosen on validation rows: on these, too.
struct Refit {
  std::uint64_t rows = 0;        ///< training and validation rows that it was trained on
  std::string digest;            ///< SHA-256 of the settings it depends on
  Json chosen = Json::object();  ///< settings that the first training chose: {"train":{"epochs":8,…}}
};

/// Where a package comes from. Everything here is the same in every run of the same spec on the same data.
struct Lineage {
  std::string source;          ///< what the data was read from, as the spec names it
  std::string source_digest;   ///< SHA-256 over the raw input (names and contents)
  std::string dataset_digest;  ///< SHA-256 of the dataset
  std::string spec_digest;     ///< SHA-256 of the settings that this model depends on
  std::string parent;          ///< digest of the package this one was made from; empty for a first one
  std::uint64_t seed = 0;
  std::string amas_version;
  std::map<std::string, std::string> libraries{};  ///< trainer and engine versions
  /// With one, graphs and preparation are of the second training, as are the metrics on the test rows; what
  /// was judged on validation rows (variants' metrics, accuracy_drop, allowed, the profile) is of the first.
  std::optional<Refit> refit{};
};

/// model.json (docs/formats/model-package.md).
struct Manifest {
  std::string name;
  /// "binary_classification", "multiclass_classification", "regression", or "inference" where a graph from
  /// elsewhere does not say.
  std::string task;
  std::string candidate;           ///< "lstm", "linear", …
  Json settings = Json::object();  ///< the candidate's settings with all defaults filled in
  std::vector<std::string> labels;
  std::map<std::string, Signature> signatures;
  std::vector<Variant> variants;  ///< "fp32" first
  /// On the test rows, by metric name, for the variant "fp32"; "baseline_accuracy" is the majority's.
  std::map<std::string, Metric> metrics;
  /// Largest difference of scores on validation rows between the trainer and the serving engine, for "fp32".
  double conversion_difference = 0;
  /// Whether dimension 0 of all inputs and outputs is the row, so that rows of several requests may run
  /// together. A graph from elsewhere may have other dimensions.
  bool has_rows = true;
  std::map<std::string, std::string> files;  ///< file name → SHA-256; all files of the package but model.json
  Lineage lineage;

  /// Whether amas trained the model; of one from elsewhere neither data nor metrics are known.
  bool is_trained() const { return !lineage.dataset_digest.empty(); }
  /// The variant with this name; null when there is none.
  const Variant* find_variant(std::string_view name) const;
};

/// Renders model.json; the same manifest always gives the same bytes. A number that is not finite is written
/// as null.
std::string to_json(const Manifest& manifest);

/// Reads model.json (null numbers are NaN).
///
/// Errors: kInvalidArgument naming the key; a format version newer than ours says so; file names that are not
/// plain
///         (with "/" or "..") are refused, as are a task that is not known, variants that do not begin with
///         "fp32" and a variant whose file is not listed.
Result<Manifest> manifest_from_json(std::string_view text);

/// Whether a package may hold a file of this name: 1 to 255 of the characters A-Z a-z 0-9 . _ -, not
/// beginning with a dot.
bool is_plain_file_name(std::string_view name);

}  // namespace amas::model
