#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "onnx.pb.h"

namespace amas::model {

/// The opset of the default domain that our graphs are written in.
inline constexpr std::int64_t kOnnxOpset = 17;
/// The IR version that our graphs are written in.
inline constexpr std::int64_t kOnnxIrVersion = 8;

/// A model without nodes: versions, producer, and an empty graph of this name.
onnx::ModelProto empty_model(std::string_view graph_name);

/// Appends a node with one output and returns it, so that attributes can be set. An empty input name is an
/// input left out; the node is named after its output.
onnx::NodeProto& add_node(onnx::GraphProto& graph, std::string_view op,
                          std::initializer_list<std::string_view> inputs, std::string_view output);

/// Sets an attribute of a node; one of that name must not be there yet.
void set_int(onnx::NodeProto& node, std::string_view name, std::int64_t value);
/// The same for a list of numbers.
void set_ints(onnx::NodeProto& node, std::string_view name, std::initializer_list<std::int64_t> values);
/// The same for a list that was gathered.
void set_ints(onnx::NodeProto& node, std::string_view name, std::span<const std::int64_t> values);
/// The same for a list of floats.
void set_floats(onnx::NodeProto& node, std::string_view name, std::span<const float> values);
/// The same for a string.
void set_string(onnx::NodeProto& node, std::string_view name, std::string_view value);
/// The same for a list of strings.
void set_strings(onnx::NodeProto& node, std::string_view name, std::span<const std::string> values);
/// The same for a constant.
void set_tensor(onnx::NodeProto& node, std::string_view name, onnx::TensorProto value);

/// A constant of float, double or an integer type. `values` has as many elements as `dims` says.
template <class T>
onnx::TensorProto make_constant(std::string_view name, std::span<const std::int64_t> dims,
                                std::span<const T> values);

/// Appends a constant to the graph.
template <class T>
void add_constant(onnx::GraphProto& graph, std::string_view name, std::initializer_list<std::int64_t> dims,
                  std::span<const T> values) {
  *graph.add_initializer() = make_constant<T>(name, std::span(dims.begin(), dims.size()), values);
}

/// Reads a constant's elements, from raw_data or from the typed field.
///
/// Errors: kInvalidArgument when its type is not T, its data does not have the size its dims say, or a dim is
/// negative;
///         kUnimplemented when the data lie in another file.
template <class T>
Result<std::vector<T>> read_constant(const onnx::TensorProto& tensor);

/// Declares an input or output. A negative size in `dims` is the symbol "N" in first place, "K" in any other.
onnx::ValueInfoProto make_value_info(std::string_view name, onnx::TensorProto::DataType type,
                                     std::initializer_list<std::int64_t> dims);

/// The constant with this name; null when there is none.
const onnx::TensorProto* find_constant(const onnx::GraphProto& graph, std::string_view name);

/// The attribute of a node; null when it is left out.
const onnx::AttributeProto* find_attribute(const onnx::NodeProto& node, std::string_view name);

/// An integer attribute of a node, or `fallback` when it is left out.
std::int64_t int_attribute(const onnx::NodeProto& node, std::string_view name, std::int64_t fallback);

/// A list attribute of a node; empty when it is left out.
///
/// Errors: kInvalidArgument when the attribute is of another type.
Result<std::vector<std::int64_t>> ints_attribute(const onnx::NodeProto& node, std::string_view name);
/// The same for a list of floats.
Result<std::vector<float>> floats_attribute(const onnx::NodeProto& node, std::string_view name);
/// The same for a list of strings.
Result<std::vector<std::string>> strings_attribute(const onnx::NodeProto& node, std::string_view name);
/// The same for one string, or `fallback` when it is left out.
Result<std::string> string_attribute(const onnx::NodeProto& node, std::string_view name,
                                     std::string_view fallback);

}  // namespace amas::model
