#include "engine/engine.h"

#include <fmt/format.h>

namespace amas::engine {
namespace {

bool shape_fits(const Shape& wanted, const Shape& actual) {
  if (wanted.size() != actual.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] >= 0 && wanted[i] != actual[i]) return false;
  return true;
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
