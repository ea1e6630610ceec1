#include "engines/sequence/node_view.h"

#include <fmt/format.h>

#include <cmath>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {

using onnx::TensorProto;

Error NodeView::other(std::string_view why) const {
  return unimplemented(
      fmt::format("no text net that is known: {} \"{}\": {}", node.op_type(), node.name(), why));
}

const TensorProto* NodeView::constant(int input) const {
  return has(input) ? model::find_constant(graph, node.input(input)) : nullptr;
}

Result<std::vector<float>> NodeView::floats(int input) const {
  const TensorProto* tensor = constant(input);
  if (tensor == nullptr) return other(fmt::format("its input {} is no constant", input));
  if (tensor->data_type() != TensorProto::FLOAT) return other("its weights are no floats");
  AMAS_TRY(auto values, model::read_constant<float>(*tensor));
  for (const float value : values)
    if (!std::isfinite(value)) return other(fmt::format("weights are not finite: {}", tensor->name()));
  return values;
}

Result<std::vector<std::int64_t>> NodeView::integers(int input, std::string_view attribute) const {
  if (const auto* found = attribute.empty() ? nullptr : model::find_attribute(node, attribute)) {
    if (found->ints_size() == 0) return std::vector<std::int64_t>{found->i()};
    return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
  }
  const TensorProto* tensor = constant(input);
  if (tensor == nullptr) return other("its axes or shape are no constant");
  if (tensor->data_type() == TensorProto::INT64) return model::read_constant<std::int64_t>(*tensor);
  AMAS_TRY(const auto narrow, model::read_constant<std::int32_t>(*tensor));
  return std::vector<std::int64_t>(narrow.begin(), narrow.end());
}

}  // namespace amas::engines::sequence
