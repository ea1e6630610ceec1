#include "engines/sequence/dense_node.h"

#include <fmt/format.h>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {

Result<DenseLayer> read_dense_layer(const NodeView& view, int width) {
  for (const auto& attribute : view.node.attribute()) {
    const bool scaling = attribute.name() == "alpha" || attribute.name() == "beta";
    if (scaling ? attribute.f() != 1.0F : attribute.name() != "transB" && attribute.i() != 0)
      return view.other(fmt::format("its {}", attribute.name()));
  }
  DenseLayer layer;
  AMAS_TRY(auto kernel, view.floats(1));
  const onnx::TensorProto* tensor = view.constant(1);
  if (tensor->dims_size() != 2) return view.other("its weights");
  const bool turned = model::int_attribute(view.node, "transB", 0) != 0;
  layer.rows = static_cast<int>(tensor->dims(turned ? 1 : 0));
  layer.columns = static_cast<int>(tensor->dims(turned ? 0 : 1));
  if (layer.rows != width || layer.columns < 1) return view.other("its weights");
  if (turned) {
    layer.kernel.resize(kernel.size());
    for (int row = 0; row < layer.rows; ++row)
      for (int column = 0; column < layer.columns; ++column)
        layer.kernel[static_cast<std::size_t>(row * layer.columns + column)] =
            kernel[static_cast<std::size_t>(column * layer.rows + row)];
  } else {
    layer.kernel = std::move(kernel);
  }
  layer.bias.assign(static_cast<std::size_t>(layer.columns), 0);
  if (view.has(2)) {
    AMAS_TRY(layer.bias, view.floats(2));
    if (layer.bias.size() != static_cast<std::size_t>(layer.columns)) return view.other("its bias");
  }
  return layer;
}

}  // namespace amas::engines::sequence
