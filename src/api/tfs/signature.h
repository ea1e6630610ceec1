#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/manifest.h"
#include "tensor/tensor.h"

namespace amas::tfs {

/// A signature of the model.
///
/// Errors: kInvalidArgument, in TensorFlow Serving's words, listing those that there are.
Result<const model::Signature*> find_signature(const model::Manifest& manifest, std::string_view name);

/// A signature that classify can answer from: one that gives "scores" of each label.
///
/// Errors: as above; kUnimplemented when it gives none.
Result<const model::Signature*> find_classifier(const model::Manifest& manifest, std::string_view name);

/// A signature that regress can answer from: one whose only output is a number a row.
///
/// Errors: as above; kUnimplemented when it is something else.
Result<const model::Signature*> find_regression(const model::Manifest& manifest, std::string_view name);

/// The scores [rows, labels] among a classifier's outputs.
///
/// Errors: kInternal when there are none that fit the labels.
Result<const Tensor*> scores_of(const std::vector<NamedTensor>& outputs,
                                const std::vector<std::string>& labels);

/// The numbers of a regression, one a row.
///
/// Errors: kInternal when they are something else.
Result<std::vector<float>> values_of(const std::vector<NamedTensor>& outputs);

}  // namespace amas::tfs
