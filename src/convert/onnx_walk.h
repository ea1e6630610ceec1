#pragma once

#include <utility>
#include <vector>

#include "onnx.pb.h"

namespace amas::convert {

/// Calls visit(node) for each node of the model: of its graph, of its functions, and of the graphs that nodes
/// hold.
template <class Model, class Visit>
void for_each_node(Model& model, Visit visit);

/// Calls visit(tensor) for each constant of the model, wherever it stands: in a graph, in a sparse constant
/// or in an attribute.
template <class Visit>
void for_each_constant(onnx::ModelProto& model, Visit visit);

namespace walk {

/// Graphs that are still to be looked at; a model nests them no deeper than protobuf reads (100 messages).
template <class Graph>
using Open = std::vector<Graph*>;

/// Calls visit(attribute) for each attribute, and notes the graphs that it holds.
template <class Nodes, class Graph, class Visit>
void attributes_of(Nodes& nodes, Open<Graph>& open, Visit& visit) {
  for (auto& node : nodes)
    for (auto& attribute : *node.mutable_attribute()) {
      visit(attribute);
      if (attribute.has_g()) open.push_back(attribute.mutable_g());
      for (auto& graph : *attribute.mutable_graphs()) open.push_back(&graph);
    }
}

}  // namespace walk

template <class Model, class Visit>
void for_each_node(Model& model, Visit visit) {
  walk::Open<const onnx::GraphProto> open{&model.graph()};
  const auto visit_all = [&](const auto& nodes) {
    for (const onnx::NodeProto& node : nodes) {
      visit(node);
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        if (attribute.has_g()) open.push_back(&attribute.g());
        for (const onnx::GraphProto& graph : attribute.graphs()) open.push_back(&graph);
      }
    }
  };
  for (const onnx::FunctionProto& function : model.functions()) visit_all(function.node());
  while (!open.empty()) {
    const onnx::GraphProto& graph = *open.back();
    open.pop_back();
    visit_all(graph.node());
  }
}

template <class Visit>
void for_each_constant(onnx::ModelProto& model, Visit visit) {
  walk::Open<onnx::GraphProto> open{model.mutable_graph()};
  const auto visit_sparse = [&](onnx::SparseTensorProto& sparse) {
    if (sparse.has_values()) visit(*sparse.mutable_values());
    if (sparse.has_indices()) visit(*sparse.mutable_indices());
  };
  auto visit_attribute = [&](onnx::AttributeProto& attribute) {
    if (attribute.has_t()) visit(*attribute.mutable_t());
    for (auto& tensor : *attribute.mutable_tensors()) visit(tensor);
    if (attribute.has_sparse_tensor()) visit_sparse(*attribute.mutable_sparse_tensor());
    for (auto& sparse : *attribute.mutable_sparse_tensors()) visit_sparse(sparse);
  };
  for (auto& function : *model.mutable_functions()) {
    walk::attributes_of(*function.mutable_node(), open, visit_attribute);
    for (auto& attribute : *function.mutable_attribute_proto()) visit_attribute(attribute);
  }
  while (!open.empty()) {
    onnx::GraphProto& graph = *open.back();
    open.pop_back();
    for (auto& tensor : *graph.mutable_initializer()) visit(tensor);
    for (auto& sparse : *graph.mutable_sparse_initializer()) visit_sparse(sparse);
    walk::attributes_of(*graph.mutable_node(), open, visit_attribute);
  }
}

}  // namespace amas::convert
