#include "engines/sequence/lookup_node.h"

#include "model/onnx_graph.h"

namespace amas::engines::sequence {

using onnx::TensorProto;

namespace {

constexpr std::size_t kTableElementsMax = std::size_t{1} << 28;

}  // namespace

Result<Value> find_rows(const NodeView& view, const Value& tokens, Net& net) {
  if (!net.row_of.empty() || model::int_attribute(view.node, "axis", 0) != 0)
    return view.other("it does not look rows up in the one table of them");
  const TensorProto& table = *view.constant(0);
  if (table.data_type() == TensorProto::UINT16) {
    AMAS_TRY(const auto narrow, model::read_constant<std::uint16_t>(table));
    net.row_of.assign(narrow.begin(), narrow.end());
  } else {
    AMAS_TRY(net.row_of, model::read_constant<std::int32_t>(table));
  }
  if (tokens.shift != 0 && tokens.shift != std::ssize(net.row_of)) return view.other("tokens below 0");
  // Padding has a row of its own, so that it can be told from words by their rows.
  for (std::size_t token = 0; token < net.row_of.size(); ++token)
    if ((net.row_of[token] == 0) != (token == 0)) return view.other("padding shares its row");
  if (net.row_of.empty()) return view.other("it has no rows");
  return Value{.kind = Kind::kRows, .axes = tokens.axes, .open = net.length == 0, .length = net.length};
}

Result<Value> embed(const NodeView& view, const Value& index, Net& net) {
  const TensorProto* table = view.constant(0);
  const Kind wanted = net.row_of.empty() ? Kind::kTokens : Kind::kRows;
  if (index.kind != wanted || model::int_attribute(view.node, "axis", 0) != 0 || !net.table.empty())
    return view.other("it does not look tokens up in the one table");
  if (table->dims_size() != 2 || table->dims(0) < 1 || table->dims(1) < 1 || table->dims(1) > 4'096 ||
      table->dims(0) > static_cast<std::int64_t>(kTableElementsMax) / table->dims(1))
    return view.other("the table's shape");
  if (index.shift != 0 && index.shift != table->dims(0)) return view.other("tokens below 0");
  AMAS_TRY(net.table, view.floats(0));
  net.rows = static_cast<int>(table->dims(0));
  net.vocabulary = net.row_of.empty() ? net.rows : static_cast<int>(net.row_of.size());
  for (const std::int32_t row : net.row_of)
    if (row < 0 || row >= net.rows) return view.other("a token's row is outside the table");
  net.embedding = static_cast<int>(table->dims(1));
  return Value{.kind = Kind::kEmbedded,
               .axes = index.axes + "C",
               .width = net.embedding,
               .open = net.length == 0,
               .length = net.length};
}

}  // namespace amas::engines::sequence
