#pragma once

#include <memory>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/trainer.h"
#include "worker/job.h"
#include "worker/lines.h"

namespace amas::worker {

/// The trainers of this program.
using Trainers = std::vector<std::unique_ptr<engine::Trainer>>;

/// Does a job and writes pipeline.json, model.onnx, validation_scores.f32, history.json and, last,
/// outcome.json into its folder; returns what outcome.json holds (docs/formats/worker.md). The same job gives
/// the same bytes, also when it was killed in between.
///
/// Errors: those of every step; kInvalidArgument for a candidate type or metric that is not known;
///         kFailedPrecondition when another worker does this job.
Result<Json> do_train_job(const Job& job, const Trainers& trainers, const Lines& lines);

}  // namespace amas::worker
