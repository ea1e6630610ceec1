#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "engines/onnxruntime/runtime.h"

namespace amas::engines {
namespace {

constexpr std::array<std::pair<ONNXTensorElementDataType, DType>, 13> kTypes{{
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, DType::kBool},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, DType::kUint8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8, DType::kInt8},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16, DType::kUint16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16, DType::kInt16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32, DType::kUint32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32, DType::kInt32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64, DType::kUint64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, DType::kInt64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16, DType::kFloat16},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, DType::kFloat32},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, DType::kFloat64},
    {ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, DType::kString},
}};

constexpr std::string_view kPass = "cannot pass a tensor to ONNX Runtime";
constexpr std::string_view kTake = "cannot read a result of ONNX Runtime";

/// The table is in the order of DType.
ONNXTensorElementDataType type_of(DType dtype) { return kTypes[static_cast<std::size_t>(dtype)].first; }

Status fill_strings(const Runtime& runtime, std::span<const std::string> strings, OrtValue* value) {
  for (std::size_t i = 0; i < strings.size(); ++i) {
    // FillStringTensor would cut a string at its first zero byte.
    char* buffer = nullptr;
    AMAS_CHECK(runtime.check(
        runtime.api->GetResizedStringTensorElementBuffer(value, i, strings[i].size(), &buffer), kPass));
    std::memcpy(buffer, strings[i].data(), strings[i].size());
  }
  return {};
}

Result<std::vector<std::string>> read_strings(const Runtime& runtime, const OrtValue& value,
                                              std::size_t count) {
  std::vector<std::string> strings(count);
  if (count == 0) return strings;
  const OrtApi& api = *runtime.api;
  std::size_t bytes = 0;
  AMAS_CHECK(runtime.check(api.GetStringTensorDataLength(&value, &bytes), kTake));
  std::string content(bytes, '\0');
  std::vector<std::size_t> offsets(count + 1, bytes);
  AMAS_CHECK(
      runtime.check(api.GetStringTensorContent(&value, content.data(), bytes, offsets.data(), count), kTake));
  for (std::size_t i = 0; i < count; ++i)
    strings[i] = content.substr(offsets[i], offsets[i + 1] - offsets[i]);
  return strings;
}

}  // namespace

Result<DType> dtype_of(ONNXTensorElementDataType type) {
  for (const auto& [theirs, ours] : kTypes)
    if (theirs == type) return ours;
  return unimplemented(fmt::format("tensor type is not supported: ONNX type {}; cast it in the graph",
                                   static_cast<int>(type)));
}

Result<ValuePointer> to_value(const Runtime& runtime, const TensorView& tensor) {
  const OrtApi& api = *runtime.api;
  const Shape shape = tensor.shape();
  OrtValue* raw = nullptr;
  if (tensor.dtype() == DType::kString) {
    AMAS_CHECK(runtime.check(api.CreateTensorAsOrtValue(runtime.allocator, shape.data(), shape.size(),
                                                        type_of(DType::kString), &raw),
                             kPass));
    ValuePointer value(raw, {&api});
    AMAS_CHECK(fill_strings(runtime, tensor.strings(), raw));
    return value;
  }
  const auto bytes = tensor.bytes();
  // The library takes a pointer to mutable memory but never writes to an input.
  auto* data = const_cast<std::byte*>(bytes.data());
  AMAS_CHECK(
      runtime.check(api.CreateTensorWithDataAsOrtValue(runtime.memory, data, bytes.size(), shape.data(),
                                                       shape.size(), type_of(tensor.dtype()), &raw),
                    kPass));
  return ValuePointer(raw, {&api});
}

Result<Tensor> to_tensor(const Runtime& runtime, OrtValue& value) {
  const OrtApi& api = *runtime.api;
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  AMAS_CHECK(runtime.check(api.GetTensorTypeAndShape(&value, &raw), kTake));
  const ShapeInfoPointer info(raw, {&api});
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  AMAS_CHECK(runtime.check(api.GetTensorElementType(raw, &type), kTake));
  AMAS_CHECK(runtime.check(api.GetDimensionsCount(raw, &rank), kTake));
  Shape shape(rank);
  AMAS_CHECK(runtime.check(api.GetDimensions(raw, shape.data(), rank), kTake));
  AMAS_TRY(const DType dtype, dtype_of(type));
  if (dtype == DType::kString) {
    AMAS_TRY(auto strings, read_strings(runtime, value, element_count(shape)));
    return Tensor::of_strings(std::move(shape), std::move(strings));
  }
  Tensor tensor(dtype, std::move(shape));
  void* data = nullptr;
  AMAS_CHECK(runtime.check(api.GetTensorMutableData(&value, &data), kTake));
  if (tensor.size() > 0) std::memcpy(tensor.bytes().data(), data, tensor.bytes().size());
  return tensor;
}

}  // namespace amas::engines
