#include "model/onnx_graph.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "tensor/tensor.h"

namespace amas::model {
namespace {

static_assert(std::endian::native == std::endian::little, "raw_data is little-endian");

using onnx::TensorProto;

template <class T>
struct ElementType;
template <>
struct ElementType<float> {
  static constexpr TensorProto::DataType value = TensorProto::FLOAT;
  static const auto& typed(const TensorProto& tensor) { return tensor.float_data(); }
};
template <>
struct ElementType<double> {
  static constexpr TensorProto::DataType value = TensorProto::DOUBLE;
  static const auto& typed(const TensorProto& tensor) { return tensor.double_data(); }
};
template <>
struct ElementType<std::int64_t> {
  static constexpr TensorProto::DataType value = TensorProto::INT64;
  static const auto& typed(const TensorProto& tensor) { return tensor.int64_data(); }
};
template <>
struct ElementType<std::int32_t> {
  static constexpr TensorProto::DataType value = TensorProto::INT32;
  static const auto& typed(const TensorProto& tensor) { return tensor.int32_data(); }
};
template <>
struct ElementType<std::int8_t> {
  static constexpr TensorProto::DataType value = TensorProto::INT8;
  static const auto& typed(const TensorProto& tensor) { return tensor.int32_data(); }
};
template <>
struct ElementType<std::uint16_t> {
  static constexpr TensorProto::DataType value = TensorProto::UINT16;
  static const auto& typed(const TensorProto& tensor) { return tensor.int32_data(); }
};
template <>
struct ElementType<std::uint8_t> {
  static constexpr TensorProto::DataType value = TensorProto::UINT8;
  static const auto& typed(const TensorProto& tensor) { return tensor.int32_data(); }
};

onnx::AttributeProto& add_attribute(onnx::NodeProto& node, std::string_view name,
                                    onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(type);
  return attribute;
}

}  // namespace

onnx::ModelProto empty_model(std::string_view graph_name) {
  onnx::ModelProto model;
  model.set_ir_version(kOnnxIrVersion);
  model.set_producer_name("amas");
  model.set_producer_version(AMAS_VERSION);
  model.add_opset_import()->set_version(kOnnxOpset);
  model.mutable_opset_import(0)->set_domain("");
  model.mutable_graph()->set_name(std::string(graph_name));
  return model;
}

onnx::NodeProto& add_node(onnx::GraphProto& graph, std::string_view op,
                          std::initializer_list<std::string_view> inputs, std::string_view output) {
  auto& node = *graph.add_node();
  node.set_op_type(std::string(op));
  node.set_name(std::string(output));
  for (const std::string_view input : inputs) node.add_input(std::string(input));
  node.add_output(std::string(output));
  return node;
}

void set_int(onnx::NodeProto& node, std::string_view name, std::int64_t value) {
  add_attribute(node, name, onnx::AttributeProto::INT).set_i(value);
}

void set_ints(onnx::NodeProto& node, std::string_view name, std::initializer_list<std::int64_t> values) {
  set_ints(node, name, std::span(values.begin(), values.size()));
}

void set_ints(onnx::NodeProto& node, std::string_view name, std::span<const std::int64_t> values) {
  auto& attribute = add_attribute(node, name, onnx::AttributeProto::INTS);
  attribute.mutable_ints()->Add(values.begin(), values.end());
}

void set_floats(onnx::NodeProto& node, std::string_view name, std::span<const float> values) {
  auto& attribute = add_attribute(node, name, onnx::AttributeProto::FLOATS);
  attribute.mutable_floats()->Add(values.begin(), values.end());
}

void set_string(onnx::NodeProto& node, std::string_view name, std::string_view value) {
  add_attribute(node, name, onnx::AttributeProto::STRING).set_s(std::string(value));
}

void set_strings(onnx::NodeProto& node, std::string_view name, std::span<const std::string> values) {
  auto& attribute = add_attribute(node, name, onnx::AttributeProto::STRINGS);
  for (const std::string& value : values) attribute.add_strings(value);
}

void set_tensor(onnx::NodeProto& node, std::string_view name, onnx::TensorProto value) {
  *add_attribute(node, name, onnx::AttributeProto::TENSOR).mutable_t() = std::move(value);
}

template <class T>
TensorProto make_constant(std::string_view name, std::span<const std::int64_t> dims,
                          std::span<const T> values) {
  TensorProto tensor;
  tensor.set_name(std::string(name));
  tensor.set_data_type(ElementType<T>::value);
  for (const std::int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_raw_data(values.data(), values.size_bytes());
  return tensor;
}

template <class T>
Result<std::vector<T>> read_constant(const TensorProto& tensor) {
  if (tensor.data_type() != ElementType<T>::value)
    return invalid_argument(fmt::format("ONNX constant has an unexpected type: {} is {}, not {}",
                                        tensor.name(), tensor.data_type(),
                                        static_cast<int>(ElementType<T>::value)));
  if (tensor.data_location() == TensorProto::EXTERNAL)
    return unimplemented(fmt::format("ONNX constant lies in another file: {}; embed it", tensor.name()));
  const std::size_t count =
      element_count(std::span(tensor.dims().data(), static_cast<std::size_t>(tensor.dims_size())));
  const auto& typed = ElementType<T>::typed(tensor);
  const bool raw = tensor.has_raw_data();
  const std::size_t held =
      raw ? tensor.raw_data().size() / sizeof(T) : static_cast<std::size_t>(typed.size());
  if (held != count || (raw && tensor.raw_data().size() % sizeof(T) != 0))
    return invalid_argument(
        fmt::format("ONNX constant has the wrong size: {} holds {} elements, its dims say {}", tensor.name(),
                    held, count));
  std::vector<T> values(count);
  if (raw && count > 0) std::memcpy(values.data(), tensor.raw_data().data(), count * sizeof(T));
  else if (!raw)
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(typed[static_cast<int>(i)]);
  return values;
}

#define AMAS_INSTANTIATE(T)                                                                                \
  template TensorProto make_constant(std::string_view, std::span<const std::int64_t>, std::span<const T>); \
  template Result<std::vector<T>> read_constant(const TensorProto&);
AMAS_INSTANTIATE(float)
AMAS_INSTANTIATE(double)
AMAS_INSTANTIATE(std::int64_t)
AMAS_INSTANTIATE(std::int32_t)
AMAS_INSTANTIATE(std::int8_t)
AMAS_INSTANTIATE(std::uint8_t)
AMAS_INSTANTIATE(std::uint16_t)
#undef AMAS_INSTANTIATE

onnx::ValueInfoProto make_value_info(std::string_view name, TensorProto::DataType type,
                                     std::initializer_list<std::int64_t> dims) {
  onnx::ValueInfoProto info;
  info.set_name(std::string(name));
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  auto& shape = *tensor.mutable_shape();
  for (const std::int64_t dim : dims) {
    const bool first = shape.dim_size() == 0;
    auto& entry = *shape.add_dim();
    if (dim >= 0) entry.set_dim_value(dim);
    else entry.set_dim_param(first ? "N" : "K");
  }
  return info;
}

const TensorProto* find_constant(const onnx::GraphProto& graph, std::string_view name) {
  for (const auto& tensor : graph.initializer())
    if (tensor.name() == name) return &tensor;
  return nullptr;
}

const onnx::AttributeProto* find_attribute(const onnx::NodeProto& node, std::string_view name) {
  for (const auto& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

std::int64_t int_attribute(const onnx::NodeProto& node, std::string_view name, std::int64_t fallback) {
  const auto* attribute = find_attribute(node, name);
  return attribute == nullptr ? fallback : attribute->i();
}

namespace {

/// The attribute, which may be left out (null), if it is of this type.
Result<const onnx::AttributeProto*> typed_attribute(const onnx::NodeProto& node, std::string_view name,
                                                    onnx::AttributeProto::AttributeType type) {
  const auto* attribute = find_attribute(node, name);
  if (attribute != nullptr && attribute->type() != type)
    return invalid_argument(fmt::format("ONNX attribute has another type: {} of {} is {}, not {}", name,
                                        node.op_type(), static_cast<int>(attribute->type()),
                                        static_cast<int>(type)));
  return attribute;
}

}  // namespace

Result<std::vector<std::int64_t>> ints_attribute(const onnx::NodeProto& node, std::string_view name) {
  AMAS_TRY(const auto* attribute, typed_attribute(node, name, onnx::AttributeProto::INTS));
  if (attribute == nullptr) return std::vector<std::int64_t>{};
  return std::vector<std::int64_t>(attribute->ints().begin(), attribute->ints().end());
}

Result<std::vector<float>> floats_attribute(const onnx::NodeProto& node, std::string_view name) {
  AMAS_TRY(const auto* attribute, typed_attribute(node, name, onnx::AttributeProto::FLOATS));
  if (attribute == nullptr) return std::vector<float>{};
  return std::vector<float>(attribute->floats().begin(), attribute->floats().end());
}

Result<std::vector<std::string>> strings_attribute(const onnx::NodeProto& node, std::string_view name) {
  AMAS_TRY(const auto* attribute, typed_attribute(node, name, onnx::AttributeProto::STRINGS));
  if (attribute == nullptr) return std::vector<std::string>{};
  return std::vector<std::string>(attribute->strings().begin(), attribute->strings().end());
}

Result<std::string> string_attribute(const onnx::NodeProto& node, std::string_view name,
                                     std::string_view fallback) {
  AMAS_TRY(const auto* attribute, typed_attribute(node, name, onnx::AttributeProto::STRING));
  return attribute == nullptr ? std::string(fallback) : attribute->s();
}

}  // namespace amas::model
