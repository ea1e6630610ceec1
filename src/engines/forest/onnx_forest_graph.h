#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engines/forest/onnx_trees.h"

namespace amas::engines::forest {

/// One output of a graph of trees.
struct GraphOutput {
  engine::TensorSpec spec{};
  bool label = false;  ///< the winning classes, else the scores
};

/// A graph that is one tree operator, from its input through casts to its outputs.
struct ForestGraph {
  TreeOperator trees{};
  engine::TensorSpec input{};      ///< [-1, features]; the features are -1 where the graph leaves them open
  DType scores = DType::kFloat32;  ///< as the trees give them, before casts
  std::vector<GraphOutput> outputs{};
};

/// Reads such a graph.
///
/// Errors: kUnimplemented when the graph is something else; kInvalidArgument when its lists do not fit each
///         other.
Result<ForestGraph> read_forest_graph(const onnx::ModelProto& model);

}  // namespace amas::engines::forest
