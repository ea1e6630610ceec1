#pragma once

#include <vector>

#include "base/result.h"
#include "features/pipeline.h"
#include "tensor/tensor.h"

namespace amas::features {

/// Prepares many rows in little memory: as Pipeline::transform, but sparse features come without padding,
/// since one long text would make a padded tensor as wide as it is in every row.
///
/// `texts`: STRING [rows]. `observed`, when given, receives one entry a row.
/// Returns `tokens` INT32 [rows,length]; or, for TF-IDF, sparse rows behind one another: `indices` INT32
/// [entries], `values` FLOAT32 [entries], `starts` INT64 [rows + 1], row i having the entries starts[i] up to
/// starts[i + 1]. Errors: those of Pipeline::transform.
Result<std::vector<Tensor>> transform_rows(const Pipeline& pipeline, const Tensor& texts,
                                           std::vector<TextObservation>* observed = nullptr);

}  // namespace amas::features
