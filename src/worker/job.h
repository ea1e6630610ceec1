#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace amas::worker {

/// One training job (docs/formats/worker.md).
struct Job {
  std::filesystem::path dataset;                     ///< bytes of data/dataset.h
  std::string text;                                  ///< column
  std::string target;                                ///< column
  Json text_step;                                    ///< as features::PipelineSpec has it
  Json candidate;                                    ///< as engine::TrainJob has it
  Json train;                                        ///< the same
  std::filesystem::path folder;                      ///< of this run alone: checkpoint and results
  std::optional<std::filesystem::path> tensorboard;  ///< of this run alone: event files
  int threads = 1;
  /// Trains on the validation rows, too: a refit with what an earlier job chose on them. Nothing is measured
  /// on them, and nothing is drawn.
  bool refit = false;
  std::string spec_text;  ///< the spec file, for whoever looks at the run
};

/// Reads a job file's content.
///
/// Errors: kInvalidArgument naming the key that is missing, unknown or wrong.
Result<Job> read_job(std::string_view text);

}  // namespace amas::worker
