#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace amas::engine {
namespace {

bool shape_fits(const Shape& wanted, const Shape& actual) {
  if (wanted.size() != actual.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] >= 0 && wanted[i] != actual[i]) return false;
  return true;
}

template <class T>
Status check_values(const TensorSpec& spec, const TensorView& tensor) {
  const auto values = tensor.data<T>();
  const auto is_beyond = [&](T value) {
    return std::cmp_less(value, spec.range->low) || std::cmp_greater(value, spec.range->high);
  };
  const auto at = std::ranges::find_if(values, is_beyond);
  if (at == values.end()) return {};
  const std::size_t row = static_cast<std::size_t>(at - values.begin()) / tensor.row_size();
  return invalid_argument(fmt::format("input has a value out of range: {} holds {} in row {}; send {} to {}",
                                      spec.name, *at, row, spec.range->low, spec.range->high));
}

Status check_range(const TensorSpec& spec, const TensorView& tensor) {
  switch (spec.dtype) {
    case DType::kUint8:
      return check_values<std::uint8_t>(spec, tensor);
    case DType::kInt8:
      return check_values<std::int8_t>(spec, tensor);
    case DType::kUint16:
      return check_values<std::uint16_t>(spec, tensor);
    case DType::kInt16:
      return check_values<std::int16_t>(spec, tensor);
    case DType::kUint32:
      return check_values<std::uint32_t>(spec, tensor);
    case DType::kInt32:
      return check_values<std::int32_t>(spec, tensor);
    case DType::kUint64:
      return check_values<std::uint64_t>(spec, tensor);
    case DType::kInt64:
      return check_values<std::int64_t>(spec, tensor);
    default:
      return {};
  }
}

}  // namespace

Status check_types(std::span<const TensorSpec> specs, std::span<const TensorView> tensors) {
  if (specs.size() != tensors.size())
    return invalid_argument(
        fmt::format("wrong number of inputs: {}; the model takes {}", tensors.size(), specs.size()));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const Shape shape = tensors[i].shape();
    if (tensors[i].dtype() != specs[i].dtype)
      return invalid_argument(fmt::format("input has the wrong dtype: {} is {}; send {}", specs[i].name,
                                          dtype_name(tensors[i].dtype()), dtype_name(specs[i].dtype)));
    if (!shape_fits(specs[i].shape, shape))
      return invalid_argument(fmt::format("input has the wrong shape: {} is {}; send {}", specs[i].name,
                                          format_shape(shape), format_shape(specs[i].shape)));
    if (specs[i].range) AMAS_CHECK(check_range(specs[i], tensors[i]));
  }
  return {};
}

Status check_inputs(std::span<const TensorSpec> specs, std::span<const TensorView> tensors) {
  AMAS_CHECK(check_types(specs, tensors));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (tensors[i].rows() < 1)
      return invalid_argument(fmt::format("input has no rows: {}; send at least one", specs[i].name));
    if (tensors[i].rows() != tensors[0].rows())
      return invalid_argument(fmt::format("inputs differ in rows: {} has {}, {} has {}", specs[0].name,
                                          tensors[0].rows(), specs[i].name, tensors[i].rows()));
  }
  return {};
}

}  // namespace amas::engine
