#include "engines/sequence/recurrent_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {
namespace {

constexpr int kUnitsMax = 256;

Status check_options(const NodeView& view, const RecurrentLayer& layer, std::size_t directions) {
  const bool lstm = layer.cell == Cell::kLstm;
  for (const auto& attribute : view.node.attribute()) {
    const std::string& name = attribute.name();
    if (name == "hidden_size" || name == "direction" || (!lstm && name == "linear_before_reset")) continue;
    if ((name == "layout" || name == "input_forget") && attribute.i() == 0) continue;
    static constexpr std::string_view kLstm[] = {"Sigmoid", "Tanh", "Tanh"}, kGru[] = {"Sigmoid", "Tanh"};
    const std::span<const std::string_view> usual = lstm ? std::span<const std::string_view>(kLstm) : kGru;
    bool same =
        name == "activations" && attribute.strings_size() == static_cast<int>(usual.size() * directions);
    for (int i = 0; same && i < attribute.strings_size(); ++i)
      same = attribute.strings(i) == usual[static_cast<std::size_t>(i) % usual.size()];
    if (!same) return view.other(fmt::format("its {}", name));
  }
  if (!lstm && model::int_attribute(view.node, "linear_before_reset", 0) != 1)
    return view.other("the reset gate comes before the product");
  // Exporters write zeros as large as the rows that come; those are where it begins anyway.
  const std::vector<Size> zeros{{static_cast<std::int64_t>(directions)}, {1, 'N'}, {layer.units}};
  for (int i = 5; i < view.node.input_size(); ++i) {
    if (!view.has(i)) continue;
    const auto given = view.computed(i);
    if (i < (lstm ? 7 : 6) && given && given->zeros && given->dims == zeros) continue;
    return view.other(i == 7 ? "it has peepholes" : "it is given a state to begin with");
  }
  return {};
}

Result<Direction> read_direction(const NodeView& view, const RecurrentLayer& layer, std::size_t which,
                                 std::size_t directions) {
  // ONNX keeps the gates of an LSTM as i, o, f, c; of a GRU as z, r, h.
  static constexpr std::size_t kLstm[] = {0, 2, 1, 3}, kGru[] = {0, 1, 2};
  const std::span<const std::size_t> from =
      layer.cell == Cell::kLstm ? std::span<const std::size_t>(kLstm) : kGru;
  const auto units = static_cast<std::size_t>(layer.units), input = static_cast<std::size_t>(layer.input);
  const std::size_t rows = from.size() * units;
  AMAS_TRY(const auto kernel, view.floats(1));
  AMAS_TRY(const auto recurrent, view.floats(2));
  std::vector<float> bias(directions * 2 * rows);
  if (view.has(3)) {
    AMAS_TRY(bias, view.floats(3));
  }
  if (kernel.size() != directions * rows * input || recurrent.size() != directions * rows * units ||
      bias.size() != directions * 2 * rows)
    return view.other("the sizes of its weights");
  Direction made;
  const auto append = [&](std::vector<float>& to, const std::vector<float>& all, std::size_t gate,
                          std::size_t width) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>((which * rows + gate * units) * width);
    to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(units * width));
  };
  for (const std::size_t gate : from) {
    append(made.kernel, kernel, gate, input);
    append(made.recurrent, recurrent, gate, units);
    const bool apart = layer.cell == Cell::kGru && gate == 2;
    for (std::size_t unit = 0; unit < units; ++unit) {
      const std::size_t at = which * 2 * rows + gate * units + unit;
      made.bias.push_back(apart ? bias[at] : bias[at] + bias[at + rows]);
      if (apart) made.state_bias.push_back(bias[at + rows]);
    }
  }
  return made;
}

}  // namespace

Result<RecurrentLayer> read_recurrent_layer(const NodeView& view, int input) {
  RecurrentLayer layer;
  layer.cell = view.node.op_type() == "LSTM" ? Cell::kLstm : Cell::kGru;
  layer.units = static_cast<int>(
      std::clamp<std::int64_t>(model::int_attribute(view.node, "hidden_size", 0), 0, kUnitsMax + 1));
  if (layer.units < 1 || layer.units > kUnitsMax) return view.other("the number of its units");
  layer.input = input;
  const auto* asked = model::find_attribute(view.node, "direction");
  const std::string way = asked == nullptr ? "forward" : asked->s();
  if (way != "forward" && way != "reverse" && way != "bidirectional") return view.other("its direction");
  const std::size_t directions = way == "bidirectional" ? 2 : 1;
  AMAS_CHECK(check_options(view, layer, directions));
  for (std::size_t i = 0; i < directions; ++i) {
    AMAS_TRY(layer.directions.emplace_back(), read_direction(view, layer, i, directions));
    layer.directions.back().reverse = way == "reverse" || i == 1;
  }
  return layer;
}

}  // namespace amas::engines::sequence
