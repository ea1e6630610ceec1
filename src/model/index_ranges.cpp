#include "model/index_ranges.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "model/onnx_graph.h"

namespace amas::model {
namespace {

using onnx::TensorProto;

// Operators that give the values of their first input, in other places.
constexpr std::array<std::string_view, 6> kKeepsValues{"Identity", "Transpose", "Reshape",
                                                       "Squeeze",  "Unsqueeze", "Flatten"};

bool is_integer(std::int64_t type) { return type == TensorProto::INT32 || type == TensorProto::INT64; }

bool keeps_values(const onnx::NodeProto& node) {
  if (node.op_type() == "Cast") return is_integer(int_attribute(node, "to", 0));
  return std::ranges::find(kKeepsValues, node.op_type()) != kKeepsValues.end();
}

/// How many rows Gather picks from; none where its table is no constant.
std::optional<std::int64_t> table_rows(const onnx::GraphProto& graph, const onnx::NodeProto& gather) {
  const TensorProto* table = find_constant(graph, gather.input(0));
  if (table == nullptr) return std::nullopt;
  const std::int64_t axis = int_attribute(gather, "axis", 0);
  const std::int64_t place = axis < 0 ? axis + table->dims_size() : axis;
  if (place < 0 || place >= table->dims_size()) return std::nullopt;
  return table->dims(static_cast<int>(place));
}

}  // namespace

std::map<std::string, engine::ValueRange> index_ranges(const onnx::GraphProto& graph) {
  std::map<std::string, std::string> origins;  // value → the input whose values it holds
  for (const onnx::ValueInfoProto& input : graph.input())
    if (is_integer(input.type().tensor_type().elem_type())) origins[input.name()] = input.name();
  std::map<std::string, engine::ValueRange> ranges;
  for (const onnx::NodeProto& node : graph.node()) {
    if (node.input_size() > 0 && node.output_size() > 0 && keeps_values(node))
      if (const auto from = origins.find(node.input(0)); from != origins.end())
        origins[node.output(0)] = from->second;
    if (node.op_type() != "Gather" || node.input_size() != 2) continue;
    const auto from = origins.find(node.input(1));
    if (from == origins.end()) continue;
    const auto rows = table_rows(graph, node);
    if (!rows || *rows < 1) continue;
    const auto [range, is_new] = ranges.try_emplace(from->second, engine::ValueRange{0, *rows - 1});
    if (!is_new) range->second.high = std::min(range->second.high, *rows - 1);
  }
  return ranges;
}

}  // namespace amas::model
