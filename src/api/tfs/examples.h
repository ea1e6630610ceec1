#pragma once

#include <vector>

#include "base/result.h"
#include "model/manifest.h"
#include "tensor/tensor.h"
#include "tensorflow_serving.pb.h"

namespace amas::tfs {

/// The inputs of a signature from examples: each feature that it takes must stand in each example, or in the
/// context. Features are values of one row: [-1], or lists of equal length: [-1,K].
///
/// Errors: kInvalidArgument naming example and feature.
Result<std::vector<NamedTensor>> inputs_from_examples(const tensorflow::serving::Input& input,
                                                      const model::Signature& signature);

}  // namespace amas::tfs
