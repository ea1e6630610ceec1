#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/manifest.h"

namespace amas::oip {

/// An input as a request describes it.
struct InputHeader {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
};

/// The signature that answers a request with these inputs: `wanted` if it is not empty, else the one whose
/// inputs have these names, else "serving_default".
///
/// Errors: kInvalidArgument when the manifest lacks it.
Result<std::string> choose_signature(const model::Manifest& manifest, std::string_view wanted,
                                     const std::vector<InputHeader>& inputs);

/// Checks names, dtypes, shapes and (where the model has them) rows of the inputs against a signature.
/// `prefix` stands before each message.
///
/// Errors: kInvalidArgument in Triton's words.
Status check_inputs(const model::Signature& signature, const std::vector<InputHeader>& inputs,
                    std::string_view model, bool has_rows, std::string_view prefix);

}  // namespace amas::oip
