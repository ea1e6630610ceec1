#pragma once

#include <memory>
#include <string>
#include <vector>

#include "features/pipeline.h"
#include "features/text_step.h"

namespace amas::features {

/// What pipeline.json holds: the column names, the labels and the fitted step.
struct PipelineParts {
  std::string text;                 ///< the text column in tables
  std::string target;               ///< the target column in tables; empty when there is none
  std::vector<std::string> labels;  ///< in the order of the scores' columns
  std::unique_ptr<TextStep> step;
};

/// Reads pipeline.json.
///
/// Errors: as Pipeline::from_json.
Result<PipelineParts> read_pipeline(std::string_view text);

/// Renders pipeline.json.
std::string write_pipeline(const PipelineParts& parts);

}  // namespace amas::features
