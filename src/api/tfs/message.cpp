#include "api/tfs/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/limits.h"

namespace amas::tfs {
namespace {

constexpr std::size_t kRankMax = 16;
constexpr std::array<std::pair<DType, tensorflow::DataType>, 13> kTypes{{
    {DType::kBool, tensorflow::DT_BOOL},
    {DType::kUint8, tensorflow::DT_UINT8},
    {DType::kInt8, tensorflow::DT_INT8},
    {DType::kUint16, tensorflow::DT_UINT16},
    {DType::kInt16, tensorflow::DT_INT16},
    {DType::kUint32, tensorflow::DT_UINT32},
    {DType::kInt32, tensorflow::DT_INT32},
    {DType::kUint64, tensorflow::DT_UINT64},
    {DType::kInt64, tensorflow::DT_INT64},
    {DType::kFloat16, tensorflow::DT_HALF},
    {DType::kFloat32, tensorflow::DT_FLOAT},
    {DType::kFloat64, tensorflow::DT_DOUBLE},
    {DType::kString, tensorflow::DT_STRING},
}};

std::optional<DType> dtype_from(tensorflow::DataType type) {
  for (const auto& [ours, theirs] : kTypes)
    if (theirs == type) return ours;
  return std::nullopt;
}

Result<Shape> shape_from(const tensorflow::TensorShapeProto& message, std::string_view name) {
  if (message.unknown_rank())
    return invalid_argument(fmt::format("input has no shape: {}; give tensor_shape", name));
  if (static_cast<std::size_t>(message.dim_size()) > kRankMax)
    return invalid_argument(fmt::format("input has more dimensions than allowed: {}: {} > {}", name,
                                        message.dim_size(), kRankMax));
  Shape shape;
  for (const auto& dimension : message.dim()) {
    if (dimension.size() < 0)
      return invalid_argument(fmt::format("input has a negative dimension: {}: {}", name, dimension.size()));
    shape.push_back(dimension.size());
  }
  return shape;
}

Error wrong_count(std::string_view name, std::size_t count, std::size_t given) {
  return invalid_argument(
      fmt::format("input has the wrong number of values: {} has {} elements by its shape, {} "
                  "values are given",
                  name, count, given));
}

/// Copies typed values, the last of which stands for those that are missing.
template <class T, class Values>
Status fill(Tensor& tensor, const Values& values, std::string_view name) {
  const auto given = static_cast<std::size_t>(values.size());
  if (given > tensor.size() || (given == 0 && tensor.size() > 0))
    return wrong_count(name, tensor.size(), given);
  auto elements = tensor.data<T>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto value = values.Get(static_cast<int>(std::min(i, given - 1)));
    elements[i] = static_cast<T>(value);
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      if (static_cast<std::remove_cvref_t<decltype(value)>>(elements[i]) != value)
        return invalid_argument(fmt::format("input has a value out of the range of {}: {}: {}",
                                            dtype_name(tensor.dtype()), name, value));
  }
  return {};
}

Status fill_strings(Tensor& tensor, const tensorflow::TensorProto& message, std::string_view name) {
  const auto given = static_cast<std::size_t>(message.string_val_size());
  if (given > tensor.size() || (given == 0 && tensor.size() > 0))
    return wrong_count(name, tensor.size(), given);
  auto& strings = tensor.strings();
  for (std::size_t i = 0; i < strings.size(); ++i)
    strings[i] = message.string_val(static_cast<int>(std::min(i, given - 1)));
  return {};
}

/// The field that holds values of a type.
template <class T, class Message>
const auto& values_of(const Message& m) {
  if constexpr (std::is_same_v<T, bool>) return m.bool_val();
  else if constexpr (std::is_same_v<T, float>) return m.float_val();
  else if constexpr (std::is_same_v<T, double>) return m.double_val();
  else if constexpr (std::is_same_v<T, std::int64_t>) return m.int64_val();
  else if constexpr (std::is_same_v<T, std::uint64_t>) return m.uint64_val();
  else if constexpr (std::is_same_v<T, std::uint32_t>) return m.uint32_val();
  else return m.int_val();
}

Status fill_typed(Tensor& tensor, const tensorflow::TensorProto& message, std::string_view name) {
  if (tensor.dtype() == DType::kString) return fill_strings(tensor, message, name);
  if (tensor.dtype() == DType::kFloat16) return fill<std::uint16_t>(tensor, message.half_val(), name);
  return with_element_type(tensor.dtype(),
                           [&]<class T>() { return fill<T>(tensor, values_of<T>(message), name); });
}

Status fill_content(Tensor& tensor, const std::string& content, std::string_view name) {
  if (tensor.dtype() == DType::kString)
    return invalid_argument(fmt::format("input is of strings: {}; give them in string_val", name));
  if (content.size() != tensor.bytes().size())
    return invalid_argument(
        fmt::format("input has the wrong number of bytes: {} has {} by dtype and shape, "
                    "tensor_content has {}",
                    name, tensor.bytes().size(), content.size()));
  std::memcpy(tensor.bytes().data(), content.data(), content.size());
  if (tensor.dtype() == DType::kBool)
    for (std::byte& truth : tensor.bytes()) truth = std::byte{truth != std::byte{0}};
  return {};
}

template <class T, class Values>
void give(const Tensor& tensor, Values* values) {
  values->Reserve(static_cast<int>(tensor.size()));
  for (const T element : tensor.data<T>()) values->AddAlreadyReserved(element);
}

template <class T>
void give_typed(const Tensor& tensor, tensorflow::TensorProto& m) {
  if constexpr (std::is_same_v<T, bool>) give<T>(tensor, m.mutable_bool_val());
  else if constexpr (std::is_same_v<T, float>) give<T>(tensor, m.mutable_float_val());
  else if constexpr (std::is_same_v<T, double>) give<T>(tensor, m.mutable_double_val());
  else if constexpr (std::is_same_v<T, std::int64_t>) give<T>(tensor, m.mutable_int64_val());
  else if constexpr (std::is_same_v<T, std::uint64_t>) give<T>(tensor, m.mutable_uint64_val());
  else if constexpr (std::is_same_v<T, std::uint32_t>) give<T>(tensor, m.mutable_uint32_val());
  else give<T>(tensor, m.mutable_int_val());
}

}  // namespace

tensorflow::DataType data_type_of(DType dtype) {
  for (const auto& [ours, theirs] : kTypes)
    if (ours == dtype) return theirs;
  return tensorflow::DT_INVALID;
}

Result<Tensor> tensor_from_message(const tensorflow::TensorProto& message, std::string_view name) {
  const auto dtype = dtype_from(message.dtype());
  if (!dtype)
    return invalid_argument(fmt::format("input has a dtype that is not supported: {}: {}", name,
                                        static_cast<int>(message.dtype())));
  AMAS_TRY(Shape shape, shape_from(message.tensor_shape(), name));
  const std::size_t element = *dtype == DType::kString ? sizeof(std::string) : dtype_bytes(*dtype);
  if (element_count(shape) > limits::kRequestBodyBytesMax / element)
    return invalid_argument(fmt::format("input is too large: {} is {}; at most {} bytes", name,
                                        format_shape(shape), limits::kRequestBodyBytesMax));
  Tensor tensor(*dtype, std::move(shape));
  AMAS_CHECK(message.tensor_content().empty() ? fill_typed(tensor, message, name)
                                              : fill_content(tensor, message.tensor_content(), name));
  return tensor;
}

void tensor_to_message(const Tensor& tensor, tensorflow::TensorProto& message) {
  message.set_dtype(data_type_of(tensor.dtype()));
  for (const std::int64_t size : tensor.shape()) message.mutable_tensor_shape()->add_dim()->set_size(size);
  for (const std::string& text : tensor.strings()) message.add_string_val(text);
  if (tensor.dtype() == DType::kFloat16) give<std::uint16_t>(tensor, message.mutable_half_val());
  else if (tensor.dtype() != DType::kString)
    with_element_type(tensor.dtype(), [&]<class T>() { give_typed<T>(tensor, message); });
}

tensorflow::SignatureDef signature_to_message(const model::Signature& signature) {
  tensorflow::SignatureDef message;
  const auto describe = [](const engine::TensorSpec& spec, tensorflow::TensorInfo& info) {
    info.set_name(spec.name);
    info.set_dtype(data_type_of(spec.dtype));
    for (const std::int64_t size : spec.shape) info.mutable_tensor_shape()->add_dim()->set_size(size);
  };
  for (const auto& spec : signature.inputs) describe(spec, (*message.mutable_inputs())[spec.name]);
  for (const auto& spec : signature.outputs) describe(spec, (*message.mutable_outputs())[spec.name]);
  message.set_method_name("tensorflow/serving/predict");
  return message;
}

}  // namespace amas::tfs
