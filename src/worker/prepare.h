#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/trainer.h"
#include "features/pipeline.h"
#include "worker/job.h"

namespace amas::worker {

/// What training needs of a dataset; the texts themselves are gone.
struct Prepared {
  features::Pipeline pipeline;  ///< fitted on the rows of `training`
  engine::Examples training;    ///< of a refit: training and validation rows, in the dataset's order
  engine::Examples validation;
};

/// Reads the job's dataset, fits the preparation on its training rows (of a refit on the validation rows,
/// too) and prepares training and validation rows. The test rows are read past.
///
/// Errors: those of reading the dataset and of features::Pipeline; kInvalidArgument for a column that is not
/// there.
Result<Prepared> prepare(const Job& job);

}  // namespace amas::worker
