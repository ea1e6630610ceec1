#include "optimise/graph_editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace amas::optimise {
namespace {

constexpr std::string_view kMicrosoft = "com.microsoft";

/// Calls `use` with the name of every value that these nodes, or graphs inside them, read or give.
template <class Nodes, class Use>
void for_each_name(const Nodes& nodes, const Use& use) {
  for (const onnx::NodeProto& node : nodes) {
    for (const auto& input : node.input()) use(input);
    for (const auto& output : node.output()) use(output);
    for (const auto& attribute : node.attribute()) {
      if (attribute.has_g()) for_each_name(attribute.g().node(), use);
      for (const auto& graph : attribute.graphs()) for_each_name(graph.node(), use);
    }
  }
}

}  // namespace

GraphEditor::GraphEditor(onnx::ModelProto& model) : model_(model) {
  auto& graph = *model_.mutable_graph();
  for (const auto& tensor : graph.initializer()) {
    constants_.emplace(tensor.name(), &tensor);
    names_.insert(tensor.name());
  }
  // A caller may give another value for a constant that is an input as well.
  for (const auto& input : graph.input()) {
    constants_.erase(input.name());
    names_.insert(input.name());
  }
  for_each_name(graph.node(), [&](const std::string& name) { names_.insert(name); });
  for (auto& node : *graph.mutable_node()) nodes_.push_back(std::move(node));
  graph.clear_node();
}

const onnx::TensorProto* GraphEditor::floats(const onnx::NodeProto& node, int input) const {
  if (input >= node.input_size()) return nullptr;
  const auto at = constants_.find(node.input(input));
  if (at == constants_.end() || at->second->data_type() != onnx::TensorProto::FLOAT) return nullptr;
  const auto& dims = at->second->dims();
  const bool empty = std::ranges::any_of(dims, [](std::int64_t size) { return size <= 0; });
  return empty ? nullptr : at->second;
}

onnx::NodeProto& GraphEditor::add(std::string_view op, std::initializer_list<std::string_view> inputs,
                                  std::string_view output) {
  return model::add_node(*model_.mutable_graph(), op, inputs, output);
}

std::string GraphEditor::new_name(std::string_view base) {
  std::string name(base);
  for (std::size_t i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", base, i);
  return name;
}

void GraphEditor::need_microsoft_domain() {
  for (const auto& opset : model_.opset_import())
    if (opset.domain() == kMicrosoft) return;
  auto& opset = *model_.add_opset_import();
  opset.set_domain(std::string(kMicrosoft));
  opset.set_version(1);
}

void GraphEditor::finish() {
  auto& graph = *model_.mutable_graph();
  std::unordered_set<std::string> used;
  for_each_name(graph.node(), [&](const std::string& name) { used.insert(name); });
  for (const auto& output : graph.output()) used.insert(output.name());
  for (const auto& input : graph.input()) used.insert(input.name());
  constants_.clear();
  auto& constants = *graph.mutable_initializer();
  const auto dead =
      std::stable_partition(constants.pointer_begin(), constants.pointer_end(),
                            [&](const onnx::TensorProto* tensor) { return used.contains(tensor->name()); });
  constants.DeleteSubrange(static_cast<int>(dead - constants.pointer_begin()),
                           static_cast<int>(constants.pointer_end() - dead));
  for (auto& tensor : added_) *graph.add_initializer() = std::move(tensor);
}

}  // namespace amas::optimise
