#pragma once

#include <cstdlib>
#include <vector>

#include "base/limits.h"
#include "model/manifest.h"
#include "tensor/tensor.h"

// What the fuzz targets of requests ask, and what they demand of the answers.
namespace amas::fuzz {

// One input of each kind that the readers tell apart.
inline const model::Manifest& manifest() {
  static const model::Manifest kManifest = [] {
    model::Manifest made;
    made.labels = {"ham", "spam"};
    made.signatures["serving_default"] = {{{"text", DType::kString, {-1}}},
                                          {{"scores", DType::kFloat32, {-1, 2}}}};
    made.signatures["tensors"] = {{{"tokens", DType::kInt32, {-1, 4}},
                                   {"values", DType::kFloat32, {-1, -1}},
                                   {"flag", DType::kBool, {-1}}},
                                  {{"scores", DType::kFloat32, {-1, 2}}}};
    return made;
  }();
  return kManifest;
}

inline void expect(bool holds) {
  if (!holds) std::abort();
}

// What every decoder promises of the tensors that it lets through.
inline void check(const std::vector<NamedTensor>& inputs) {
  for (const NamedTensor& input : inputs) {
    const Tensor& tensor = input.tensor;
    expect(element_count(tensor.shape()) == tensor.size());
    expect(tensor.dtype() == DType::kString
               ? tensor.strings().size() == tensor.size()
               : tensor.bytes().size() == tensor.size() * dtype_bytes(tensor.dtype()));
    expect(tensor.shape().empty() || static_cast<std::size_t>(tensor.rows()) <= limits::kRequestRowsMax);
  }
}

}  // namespace amas::fuzz
