#include "engines/forest/onnx_forest_graph.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "engines/forest/onnx_scores.h"
#include "engines/forest/onnx_trees_5.h"
#include "model/onnx_graph.h"

namespace amas::engines::forest {
namespace {

using onnx::TensorProto;

bool default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::optional<DType> dtype_of(std::int64_t type) {
  switch (type) {
    case TensorProto::FLOAT:
      return DType::kFloat32;
    case TensorProto::DOUBLE:
      return DType::kFloat64;
    case TensorProto::INT32:
      return DType::kInt32;
    case TensorProto::INT64:
      return DType::kInt64;
    case TensorProto::STRING:
      return DType::kString;
    default:
      return std::nullopt;
  }
}

Result<std::int64_t> ml_version(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import())
    if (opset.domain() == "ai.onnx.ml") return opset.version();
  return unimplemented("graph without trees: it does not import ai.onnx.ml");
}

Result<const onnx::NodeProto*> only_tree_operator(const onnx::GraphProto& graph) {
  const onnx::NodeProto* found = nullptr;
  for (const auto& node : graph.node()) {
    if (!is_tree_operator(node)) continue;
    if (found != nullptr) return unimplemented("graph with more than one tree operator");
    found = &node;
  }
  if (found == nullptr) return unimplemented("graph without a tree operator");
  const int outputs = found->op_type() == "TreeEnsembleClassifier" ? 2 : 1;
  if (found->input_size() != 1 || found->output_size() != outputs)
    return unimplemented("tree operator with other inputs or outputs than usual");
  return found;
}

/// Follows values through the nodes behind (or before) the trees, which pass them on as they are or cast
/// them.
class Passing {
 public:
  explicit Passing(const onnx::GraphProto& graph) : graph_(graph) {}

  /// The output of what passes `value` on and its type after that; `value` itself where nothing does.
  ///
  /// Errors: kUnimplemented when the node is another one.
  Result<std::pair<std::string, DType>> step(const onnx::NodeProto& node, DType type) const;

 private:
  bool is_one(const std::string& name) const;
  const onnx::GraphProto& graph_;
};

/// LightGBM's converter multiplies the probabilities by one.
bool Passing::is_one(const std::string& name) const {
  const TensorProto* constant = model::find_constant(graph_, name);
  if (constant == nullptr || constant->dims_size() > 1 || constant->data_type() != TensorProto::FLOAT)
    return false;
  const auto values = model::read_constant<float>(*constant);
  return values && values->size() == 1 && (*values)[0] == 1.0F;
}

Result<std::pair<std::string, DType>> Passing::step(const onnx::NodeProto& node, DType type) const {
  const auto other = [&] { return unimplemented("graph of more than trees: " + node.op_type()); };
  if (!default_domain(node.domain()) || node.output_size() != 1) return other();
  if (node.op_type() == "Identity" && node.input_size() == 1) return std::pair(node.output(0), type);
  if (node.op_type() == "Mul" && node.input_size() == 2 && type == DType::kFloat32 && is_one(node.input(1)))
    return std::pair(node.output(0), type);
  if (node.op_type() != "Cast" || node.input_size() != 1) return other();
  const auto to = dtype_of(model::int_attribute(node, "to", 0));
  const bool widens = to == DType::kFloat64 && type == DType::kFloat32;
  if (!to || (*to != type && !widens)) return other();
  return std::pair(node.output(0), *to);
}

Result<engine::TensorSpec> read_input(const onnx::GraphProto& graph, const std::string& name) {
  const onnx::ValueInfoProto* found = nullptr;
  for (const auto& input : graph.input()) {
    if (model::find_constant(graph, input.name()) != nullptr) continue;
    if (found != nullptr) return unimplemented("graph of trees with more than one input");
    found = &input;
  }
  if (found == nullptr || found->name() != name)
    return unimplemented("graph whose trees do not read its input");
  const auto& tensor = found->type().tensor_type();
  const auto type = dtype_of(tensor.elem_type());
  if (!found->type().has_tensor_type() || !type || *type == DType::kString || tensor.shape().dim_size() != 2)
    return unimplemented("graph of trees whose input is no matrix of numbers: " + name);
  Shape shape;
  for (const auto& dim : tensor.shape().dim()) shape.push_back(dim.dim_value() > 0 ? dim.dim_value() : -1);
  shape[0] = -1;
  return engine::TensorSpec{name, *type, std::move(shape)};
}

/// Checks that the declared type and shape of an output are those that the trees give.
Status check_output(const onnx::ValueInfoProto& declared, const engine::TensorSpec& spec) {
  const auto& tensor = declared.type().tensor_type();
  if (!declared.type().has_tensor_type() || dtype_of(tensor.elem_type()) != spec.dtype)
    return unimplemented("graph of trees with an output of another type: " + declared.name());
  if (!tensor.has_shape()) return {};
  const auto& shape = tensor.shape();
  bool fits = shape.dim_size() == static_cast<int>(spec.shape.size());
  for (int i = 0; fits && i < shape.dim_size(); ++i)
    fits = shape.dim(i).dim_value() <= 0 || (i > 0 && shape.dim(i).dim_value() == spec.shape[i]);
  return fits ? Status{}
              : unimplemented("graph of trees with an output of another shape: " + declared.name());
}

/// Rows may be cast to the type in which the trees are asked.
Result<Number> number_of(const onnx::NodeProto& trees, const engine::TensorSpec& input, bool regressor) {
  if (input.dtype == DType::kFloat64) return Number::kFloat64;
  if (input.dtype != DType::kFloat32 && (regressor || trees.op_type() == "TreeEnsemble"))
    return unimplemented("regression trees over whole numbers");
  return Number::kFloat32;
}

struct Value {
  DType type;
  bool label;
};

/// The values that hold labels or scores: those of the trees and what passes them on. The nodes are in order.
Result<std::map<std::string, Value>> values_of(const onnx::GraphProto& graph, const onnx::NodeProto& trees,
                                               const TreeOperator& read, DType scores) {
  std::map<std::string, Value> values;
  if (read.classifier)
    values[trees.output(0)] = {read.label_names.empty() ? DType::kInt64 : DType::kString, true};
  values[trees.output(read.classifier ? 1 : 0)] = {scores, false};
  const Passing passing(graph);
  bool behind = false;
  for (const auto& node : graph.node()) {
    if (&node == &trees) {
      behind = true;
      continue;
    }
    if (!behind || node.input_size() == 0)
      return unimplemented("graph of more than trees: " + node.op_type());
    const auto from = values.find(node.input(0));
    if (from == values.end()) return unimplemented("graph of more than trees: " + node.op_type());
    AMAS_TRY(const auto to, passing.step(node, from->second.type));
    if (!values.try_emplace(to.first, to.second, from->second.label).second)
      return unimplemented("graph that gives a value twice: " + to.first);
  }
  return values;
}

}  // namespace

Result<ForestGraph> read_forest_graph(const onnx::ModelProto& model) {
  const onnx::GraphProto& graph = model.graph();
  AMAS_TRY(const std::int64_t version, ml_version(model));
  AMAS_TRY(const onnx::NodeProto* node, only_tree_operator(graph));
  ForestGraph read;
  AMAS_TRY(read.input, read_input(graph, node->input(0)));
  AMAS_TRY(const Number number, number_of(*node, read.input, node->op_type() == "TreeEnsembleRegressor"));
  AMAS_TRY(read.trees, read_tree_operator(*node, version, number));
  AMAS_CHECK(check_scores_known(read.trees));
  Forest& forest = read.trees.forest;
  if (read.input.shape[1] >= 0 &&
      (read.input.shape[1] < forest.features || !is_feature(read.input.shape[1] - 1)))
    return unimplemented(
        fmt::format("trees ask for {} features of {}", forest.features, read.input.shape[1]));
  if (read.input.shape[1] >= 0) forest.features = static_cast<std::int32_t>(read.input.shape[1]);
  const bool wide = node->op_type() == "TreeEnsemble" && number == Number::kFloat64;
  read.scores = wide ? DType::kFloat64 : DType::kFloat32;
  AMAS_TRY(const auto values, values_of(graph, *node, read.trees, read.scores));
  for (const auto& output : graph.output()) {
    const auto value = values.find(output.name());
    if (value == values.end()) return unimplemented("graph with an output that is not from its trees");
    GraphOutput out{{output.name(), value->second.type, {-1}}, value->second.label};
    if (!out.label) out.spec.shape.push_back(forest.targets);
    AMAS_CHECK(check_output(output, out.spec));
    read.outputs.push_back(std::move(out));
  }
  if (read.outputs.empty()) return unimplemented("graph without outputs");
  return read;
}

}  // namespace amas::engines::forest
