#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/shape.h"

namespace amas {

/// What an element of a tensor is. kString is bytes of any length (text is UTF-8).
enum class DType : std::uint8_t {
  kBool,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kUint64,
  kInt64,
  kFloat16,
  kFloat32,
  kFloat64,
  kString,
};

/// Bytes of one element; 0 for kString.
std::size_t dtype_bytes(DType dtype);

/// Our name of a dtype, as in model.json: "float32", "int64", "string", ….
std::string_view dtype_name(DType dtype);

/// The dtype with that name.
///
/// Errors: kInvalidArgument listing the known names.
Result<DType> dtype_from_name(std::string_view name);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::kUint8;
};
template <>
struct DTypeOf<std::int8_t> {
  static constexpr DType value = DType::kInt8;
};
template <>
struct DTypeOf<std::uint16_t> {
  static constexpr DType value = DType::kUint16;
};
template <>
struct DTypeOf<std::int16_t> {
  static constexpr DType value = DType::kInt16;
};
template <>
struct DTypeOf<std::uint32_t> {
  static constexpr DType value = DType::kUint32;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::kInt32;
};
template <>
struct DTypeOf<std::uint64_t> {
  static constexpr DType value = DType::kUint64;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::kInt64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kFloat32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kFloat64;
};
template <>
struct DTypeOf<std::string> {
  static constexpr DType value = DType::kString;
};

/// Calls `f.template operator()<T>()` with the type of a number's elements; float16 goes as its bits, in
/// std::uint16_t, and so does everything that is no number.
template <class F>
decltype(auto) with_element_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kBool:
      return f.template operator()<bool>();
    case DType::kUint8:
      return f.template operator()<std::uint8_t>();
    case DType::kInt8:
      return f.template operator()<std::int8_t>();
    case DType::kInt16:
      return f.template operator()<std::int16_t>();
    case DType::kUint32:
      return f.template operator()<std::uint32_t>();
    case DType::kInt32:
      return f.template operator()<std::int32_t>();
    case DType::kUint64:
      return f.template operator()<std::uint64_t>();
    case DType::kInt64:
      return f.template operator()<std::int64_t>();
    case DType::kFloat32:
      return f.template operator()<float>();
    case DType::kFloat64:
      return f.template operator()<double>();
    default:
      return f.template operator()<std::uint16_t>();
  }
}

/// "[2,128]", or "[-1,128]" in a signature.
std::string format_shape(std::span<const std::int64_t> shape);

/// The number of elements of a shape without -1. An overflow gives the largest std::size_t.
std::size_t element_count(std::span<const std::int64_t> shape);

/// A dense row-major array that owns its elements. Row i is the part whose first index is i.
class Tensor {
 public:
  /// An empty float32 tensor of shape [0].
  Tensor() : Tensor(DType::kFloat32, {0}) {}
  /// Zeros (or empty strings). `shape` holds no negative size.
  Tensor(DType dtype, Shape shape);
  /// Takes the elements of a number type; values.size() equals the element count of `shape`.
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values);
  /// Takes strings.
  static Tensor of_strings(Shape shape, std::vector<std::string> values);

  /// What its elements are.
  DType dtype() const { return dtype_; }
  /// Its dimensions.
  const Shape& shape() const { return shape_; }
  /// How many elements it has.
  std::size_t size() const { return size_; }
  /// shape()[0], or 1 for a scalar.
  std::int64_t rows() const { return shape_.empty() ? 1 : shape_[0]; }
  /// Gives it other dimensions with the same number of elements.
  void reshape(Shape shape);

  /// Its elements as Ts; T must be what dtype() says (float16 is read as std::uint16_t bits).
  template <class T>
  std::span<T> data() {
    return {reinterpret_cast<T*>(bytes_.data()), size_};
  }
  /// The same, to read.
  template <class T>
  std::span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes_.data()), size_};
  }
  /// The elements of a string tensor.
  std::vector<std::string>& strings() { return strings_; }
  /// The same, to read.
  const std::vector<std::string>& strings() const { return strings_; }
  /// The raw elements of a number tensor, little-endian.
  std::span<const std::byte> bytes() const { return bytes_; }
  /// The same, to write.
  std::span<std::byte> bytes() { return bytes_; }

 private:
  DType dtype_;
  Shape shape_;
  std::size_t size_;
  std::vector<std::byte> bytes_;
  std::vector<std::string> strings_;
};

/// Rows [begin, end) of some tensor, borrowed: valid while that tensor lives and is not changed.
class TensorView {
 public:
  /// The whole tensor.
  TensorView(const Tensor& tensor)  // NOLINT(google-explicit-constructor)
      : tensor_(&tensor), begin_(0), end_(tensor.rows()) {}
  /// Rows [begin, end) of `tensor`; 0 <= begin <= end <= rows.
  TensorView(const Tensor& tensor, std::int64_t begin, std::int64_t end)
      : tensor_(&tensor), begin_(begin), end_(end) {}

  /// What its elements are.
  DType dtype() const { return tensor_->dtype(); }
  /// Its dimensions (the first is end - begin).
  Shape shape() const;
  /// How many rows it has.
  std::int64_t rows() const { return end_ - begin_; }
  /// How many elements it has.
  std::size_t size() const { return static_cast<std::size_t>(rows()) * row_size(); }
  /// How many elements one row has.
  std::size_t row_size() const;
  /// Its elements as Ts; T must be what dtype() says.
  template <class T>
  std::span<const T> data() const {
    return tensor_->data<T>().subspan(static_cast<std::size_t>(begin_) * row_size(), size());
  }
  /// The elements of a string tensor.
  std::span<const std::string> strings() const {
    return std::span(tensor_->strings()).subspan(static_cast<std::size_t>(begin_) * row_size(), size());
  }
  /// The raw elements of a number tensor.
  std::span<const std::byte> bytes() const;

 private:
  const Tensor* tensor_;
  std::int64_t begin_;
  std::int64_t end_;
};

/// The features of one row that are not zero: values[i] is that of feature indices[i], each once. Borrowed.
struct SparseRow {
  std::span<const std::int32_t> indices;
  std::span<const float> values;
};

/// Copies a view into a tensor of its own.
Tensor copy(const TensorView& view);

/// Puts rows behind each other. All parts agree in dtype and in every dimension but the first; at least one
/// part.
///
/// Errors: kInvalidArgument when they do not.
Result<Tensor> concat_rows(std::span<const TensorView> parts);

/// A tensor with its name in a signature.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace amas
