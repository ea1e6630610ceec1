#include "tensor/tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace amas {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<DTypeRow, 13> kDTypes{{
    {DType::kBool, "bool", 1},
    {DType::kUint8, "uint8", 1},
    {DType::kInt8, "int8", 1},
    {DType::kUint16, "uint16", 2},
    {DType::kInt16, "int16", 2},
    {DType::kUint32, "uint32", 4},
    {DType::kInt32, "int32", 4},
    {DType::kUint64, "uint64", 8},
    {DType::kInt64, "int64", 8},
    {DType::kFloat16, "float16", 2},
    {DType::kFloat32, "float32", 4},
    {DType::kFloat64, "float64", 8},
    {DType::kString, "string", 0},
}};

const DTypeRow& row_of(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)]; }

std::size_t inner_count(std::span<const std::int64_t> shape) {
  return shape.empty() ? 1 : element_count(shape.subspan(1));
}

}  // namespace

std::size_t dtype_bytes(DType dtype) { return row_of(dtype).bytes; }
std::string_view dtype_name(DType dtype) { return row_of(dtype).name; }

Result<DType> dtype_from_name(std::string_view name) {
  std::string known;
  for (const DTypeRow& row : kDTypes) {
    if (row.name == name) return row.dtype;
    known += known.empty() ? "" : ", ";
    known += row.name;
  }
  return invalid_argument(fmt::format("unknown dtype: {}; known: {}", name, known));
}

std::string format_shape(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

std::size_t element_count(std::span<const std::int64_t> shape) {
  std::size_t count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, static_cast<std::size_t>(size), &count))
      return std::numeric_limits<std::size_t>::max();
  }
  return count;
}

Tensor::Tensor(DType dtype, Shape shape)
    : dtype_(dtype), shape_(std::move(shape)), size_(element_count(shape_)) {
  if (dtype_ == DType::kString) strings_.resize(size_);
  else bytes_.resize(size_ * dtype_bytes(dtype_));
}

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
  Tensor tensor(DTypeOf<T>::value, std::move(shape));
  if (!values.empty())
    std::memcpy(tensor.bytes_.data(), values.data(), std::min(values.size_bytes(), tensor.bytes_.size()));
  return tensor;
}

Tensor Tensor::of_strings(Shape shape, std::vector<std::string> values) {
  Tensor tensor(DType::kString, {0});
  tensor.shape_ = std::move(shape);
  tensor.size_ = values.size();
  tensor.strings_ = std::move(values);
  return tensor;
}

template Tensor Tensor::of(Shape, std::span<const bool>);
template Tensor Tensor::of(Shape, std::span<const std::uint8_t>);
template Tensor Tensor::of(Shape, std::span<const std::int8_t>);
template Tensor Tensor::of(Shape, std::span<const std::uint16_t>);
template Tensor Tensor::of(Shape, std::span<const std::int16_t>);
template Tensor Tensor::of(Shape, std::span<const std::uint32_t>);
template Tensor Tensor::of(Shape, std::span<const std::int32_t>);
template Tensor Tensor::of(Shape, std::span<const std::uint64_t>);
template Tensor Tensor::of(Shape, std::span<const std::int64_t>);
template Tensor Tensor::of(Shape, std::span<const float>);
template Tensor Tensor::of(Shape, std::span<const double>);

void Tensor::reshape(Shape shape) { shape_ = std::move(shape); }

Shape TensorView::shape() const {
  Shape shape = tensor_->shape();
  if (!shape.empty()) shape[0] = rows();
  return shape;
}

std::size_t TensorView::row_size() const { return inner_count(tensor_->shape()); }

std::span<const std::byte> TensorView::bytes() const {
  const std::size_t row_bytes = row_size() * dtype_bytes(dtype());
  return tensor_->bytes().subspan(static_cast<std::size_t>(begin_) * row_bytes,
                                  static_cast<std::size_t>(rows()) * row_bytes);
}

Tensor copy(const TensorView& view) {
  if (view.dtype() == DType::kString) {
    const auto strings = view.strings();
    return Tensor::of_strings(view.shape(), {strings.begin(), strings.end()});
  }
  Tensor tensor(view.dtype(), view.shape());
  std::ranges::copy(view.bytes(), tensor.bytes().begin());
  return tensor;
}

Result<Tensor> concat_rows(std::span<const TensorView> parts) {
  Shape shape = parts[0].shape();
  if (shape.empty()) return invalid_argument("scalars have no rows to put behind each other");
  for (const TensorView& part : parts.subspan(1)) {
    const Shape other = part.shape();
    if (part.dtype() != parts[0].dtype() || other.size() != shape.size() ||
        !std::equal(other.begin() + 1, other.end(), shape.begin() + 1))
      return invalid_argument(fmt::format("rows of different kinds: {} {} and {} {}",
                                          dtype_name(parts[0].dtype()), format_shape(parts[0].shape()),
                                          dtype_name(part.dtype()), format_shape(other)));
    shape[0] += part.rows();
  }
  Tensor whole(parts[0].dtype(), shape);
  auto bytes = whole.bytes().begin();
  auto strings = whole.strings().begin();
  for (const TensorView& part : parts) {
    if (part.dtype() == DType::kString) strings = std::ranges::copy(part.strings(), strings).out;
    else bytes = std::ranges::copy(part.bytes(), bytes).out;
  }
  return whole;
}

}  // namespace amas
