#pragma once

#include <optional>
#include <string_view>

#include "tensor/tensor.h"

namespace amas::oip {

/// The protocol's name of a dtype: "FP32", "BYTES", ….
std::string_view datatype_name(DType dtype);

/// The dtype with that name; nothing for an unknown one.
std::optional<DType> datatype_from_name(std::string_view name);

}  // namespace amas::oip
