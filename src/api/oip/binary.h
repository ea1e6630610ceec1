#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::oip {

/// Reads a tensor from Triton's binary form: little-endian elements in row-major order; BYTES as a length of
/// 32 bits before each element. `name` and `model` are for messages.
///
/// Errors: kInvalidArgument when the size is not what the shape asks for.
Result<Tensor> tensor_from_binary(std::string_view bytes, DType dtype, Shape shape, std::string_view name,
                                  std::string_view model);

/// Appends a tensor in the same form; returns how many bytes that were.
std::size_t append_binary(std::string& out, const Tensor& tensor);

}  // namespace amas::oip
