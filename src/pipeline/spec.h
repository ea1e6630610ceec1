#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "data/clean.h"
#include "data/import.h"
#include "data/split.h"
#include "optimise/optimise.h"

namespace amas::pipeline {

/// One model to try, with all defaults filled in.
struct Candidate {
  std::string name;  ///< unique within the spec: its type, or "lstm-2" for a second one of that type
  std::string type;  ///< "lstm" or "linear"
  Json settings;     ///< what the trainer reads
  Json text_step;    ///< what features::Pipeline::fit reads
};

/// A spec file, checked, with all defaults filled in (docs/spec.md).
struct Spec {
  std::string name;
  data::Source source;
  std::string target;
  /// The text column; empty: inferred from the columns.
  std::string text;
  bool drop_duplicates = true;
  /// Whether classes with too few rows are left out; refused otherwise.
  bool drop_rare_classes = false;
  data::SplitOptions split;
  std::vector<Candidate> candidates;
  Json train;  ///< {"epochs",…,"time_limit_s","threads"}
  /// Whether what is served is trained once more, on training and validation rows, with what was chosen.
  bool refit = false;
  optimise::OptimiseOptions optimise;
  std::string deploy_as;
  std::vector<std::string> tenants;
  /// Things that are allowed but probably not meant, such as padding behind without a mask.
  std::vector<std::string> warnings;
  /// The file's own text, for TensorBoard's text tab.
  std::string file_text;
};

/// Reads a spec.
///
/// `folder`: relative sources are looked for below it.
/// Errors: kInvalidArgument with line and path, what is wrong and what is allowed; see check_section.
Result<Spec> parse_spec(std::string_view yaml, const std::filesystem::path& folder);

/// Whether this can name a model or deployment: letters, digits, '-', '_' and '.', at most
/// kModelNameBytesMax.
///
/// Errors: kInvalidArgument saying so.
Status check_name(std::string_view name);

/// Reads a spec file.
///
/// Errors: those of reading the file; those of parse_spec, with the file's name in front.
Result<Spec> read_spec(const std::filesystem::path& file);

}  // namespace amas::pipeline
