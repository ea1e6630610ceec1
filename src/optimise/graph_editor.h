#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "model/onnx_graph.h"
#include "onnx.pb.h"

namespace amas::optimise {

/// Replaces nodes of a graph by others: nodes are added in order, constants under names that nothing else
/// has, and what is no longer used leaves at the end. The graph may come from elsewhere and is not trusted.
class GraphEditor {
 public:
  /// Takes the graph's nodes; they are to be put back, or others in their place, by keep() and add().
  explicit GraphEditor(onnx::ModelProto& model);

  /// The nodes that the graph had, in order.
  std::span<const onnx::NodeProto> nodes() const { return nodes_; }
  /// The constant that is this input of a node, when it is of floats, not empty, and no caller can override
  /// it; else null. Stays valid until finish().
  const onnx::TensorProto* floats(const onnx::NodeProto& node, int input) const;
  /// Puts a node back as it was.
  void keep(const onnx::NodeProto& node) { *model_.mutable_graph()->add_node() = node; }
  /// Adds a node with one output.
  onnx::NodeProto& add(std::string_view op, std::initializer_list<std::string_view> inputs,
                       std::string_view output);
  /// A name that no value of the graph has yet, beginning with `base`.
  std::string new_name(std::string_view base);
  /// Adds a constant under a new name and returns that.
  template <class T>
  std::string add_constant(std::string_view base, std::span<const std::int64_t> dims,
                           std::span<const T> values) {
    std::string name = new_name(base);
    added_.push_back(model::make_constant<T>(name, dims, values));
    return name;
  }
  /// Declares that operators of the domain com.microsoft are used.
  void need_microsoft_domain();
  /// Removes constants that no node reads any more and adds the new ones.
  void finish();

 private:
  onnx::ModelProto& model_;
  std::vector<onnx::NodeProto> nodes_;
  std::vector<onnx::TensorProto> added_;
  std::unordered_map<std::string_view, const onnx::TensorProto*>
      constants_;  // views into the graph's initializers
  std::unordered_set<std::string> names_;
};

}  // namespace amas::optimise
