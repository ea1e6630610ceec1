#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "model/onnx.h"
#include "optimise/graph_editor.h"
#include "optimise/optimise.h"

namespace amas::optimise {
namespace {

using model::SparseLinear;
using model::TextLstm;

constexpr std::int64_t kUnitsStep = 8;

/// Which row of a smaller table stands for each row of the table before.
using RowOf = std::vector<std::int32_t>;

/// Indices of the `count` largest values, ascending. Among equals the lower index stays.
std::vector<std::size_t> largest(std::span<const double> values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return values[i]; });
  order.resize(std::min(count, order.size()));
  std::ranges::sort(order);
  return order;
}

double square(float value) { return static_cast<double>(value) * value; }

/// A unit's weight: the sum of squares of what comes in (its gates' rows) and what goes out (its columns in
/// the recurrent matrix, its row in the dense layer).
std::vector<double> unit_weights(const TextLstm& net) {
  const auto units = static_cast<std::size_t>(net.units), embedding = static_cast<std::size_t>(net.embedding);
  std::vector<double> weights(units, 0);
  for (std::size_t i = 0; i < net.kernel.size(); ++i) weights[i / embedding % units] += square(net.kernel[i]);
  for (std::size_t i = 0; i < net.recurrent.size(); ++i) {
    weights[i / units % units] += square(net.recurrent[i]);
    weights[i % units] += square(net.recurrent[i]);
  }
  for (std::size_t i = 0; i < net.dense_kernel.size(); ++i)
    weights[i / static_cast<std::size_t>(net.dense)] += square(net.dense_kernel[i]);
  // NaN would break the order; the engine shows what such a net is worth.
  for (double& weight : weights)
    if (std::isnan(weight)) weight = 0;
  return weights;
}

/// Rows `kept` of each of the matrix's `blocks` equal blocks.
std::vector<float> pick_rows(std::span<const float> matrix, std::size_t blocks, std::size_t columns,
                             std::span<const std::size_t> kept) {
  const std::size_t block = matrix.size() / blocks;
  std::vector<float> picked;
  picked.reserve(blocks * kept.size() * columns);
  for (std::size_t start = 0; start < matrix.size(); start += block)
    for (const std::size_t row : kept) {
      const auto from = matrix.subspan(start + row * columns, columns);
      picked.insert(picked.end(), from.begin(), from.end());
    }
  return picked;
}

std::vector<float> pick_columns(std::span<const float> matrix, std::size_t columns,
                                std::span<const std::size_t> kept) {
  std::vector<float> picked;
  picked.reserve(matrix.size() / columns * kept.size());
  for (std::size_t start = 0; start < matrix.size(); start += columns)
    for (const std::size_t column : kept) picked.push_back(matrix[start + column]);
  return picked;
}

void cut_units(TextLstm& net, double share) {
  const std::int64_t count = kept_units(net.units, share);
  if (count == net.units) return;
  const auto units = static_cast<std::size_t>(net.units);
  const auto kept = largest(unit_weights(net), static_cast<std::size_t>(count));
  net.kernel = pick_rows(net.kernel, 4, static_cast<std::size_t>(net.embedding), kept);
  net.recurrent = pick_columns(pick_rows(net.recurrent, 4, units, kept), units, kept);
  net.bias = pick_rows(net.bias, 4, 1, kept);
  net.dense_kernel = pick_rows(net.dense_kernel, 1, static_cast<std::size_t>(net.dense), kept);
  net.units = count;
}

std::size_t kept_rows(std::size_t rows, double share) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(static_cast<double>(rows) * share)));
}

std::vector<double> mean_row(std::span<const float> table, std::size_t columns) {
  std::vector<double> mean(columns, 0);
  for (std::size_t i = 0; i < table.size(); ++i) mean[i % columns] += table[i];
  for (double& value : mean) value /= static_cast<double>(table.size() / columns);
  return mean;
}

/// Keeps the rows that matter most; the others share one, their own mean, behind the kept ones. A row matters
/// by its squared distance from the mean row over the root of its number: tokenizers number words by falling
/// frequency, and a rare word's row is both seldom read and little trained. On spam, 10 % of the rows chosen
/// so cost 0.8 points of accuracy; chosen by the distance alone, 2.5.
RowOf share_rows(TextLstm& net, double share) {
  const auto rows = static_cast<std::size_t>(net.vocabulary),
             columns = static_cast<std::size_t>(net.embedding);
  const std::vector<double> mean = mean_row(net.table, columns);
  std::vector<double> distance(rows, 0);
  for (std::size_t i = 0; i < net.table.size(); ++i) {
    const double difference = net.table[i] - mean[i % columns];
    distance[i / columns] += difference * difference;
  }
  for (double& one : distance)
    if (std::isnan(one)) one = 0;
  for (std::size_t row = 0; row < rows; ++row) distance[row] /= std::sqrt(static_cast<double>(row + 1));
  // Padding and the unknown word stand for no word in particular, and come more often than any.
  for (std::size_t row = 0; row < std::min<std::size_t>(rows, 2); ++row)
    distance[row] = std::numeric_limits<double>::infinity();
  const auto kept = largest(distance, kept_rows(rows, share));
  RowOf row_of(rows, static_cast<std::int32_t>(kept.size()));
  for (std::size_t i = 0; i < kept.size(); ++i) row_of[kept[i]] = static_cast<std::int32_t>(i);
  std::vector<double> shared(columns, 0);
  for (std::size_t i = 0; i < net.table.size(); ++i)
    if (row_of[i / columns] == static_cast<std::int32_t>(kept.size())) shared[i % columns] += net.table[i];
  net.table = pick_rows(net.table, 1, columns, kept);
  for (const double sum : shared)
    net.table.push_back(
        static_cast<float>(sum / static_cast<double>(std::max<std::size_t>(1, rows - kept.size()))));
  net.vocabulary = static_cast<std::int64_t>(kept.size()) + 1;
  return row_of;
}

/// Keeps the rows with the largest weights; the others become row 0, the padding's zeros.
RowOf drop_rows(SparseLinear& linear, double share) {
  const auto rows = static_cast<std::size_t>(linear.features),
             columns = static_cast<std::size_t>(linear.dense);
  std::vector<double> weights(rows, 0);
  for (std::size_t i = 0; i < linear.weights.size(); ++i) weights[i / columns] += square(linear.weights[i]);
  for (double& weight : weights)
    if (std::isnan(weight)) weight = 0;
  weights[0] = std::numeric_limits<double>::infinity();
  const auto kept = largest(weights, kept_rows(rows - 1, share) + 1);
  RowOf row_of(rows, 0);
  for (std::size_t i = 0; i < kept.size(); ++i) row_of[kept[i]] = static_cast<std::int32_t>(i);
  linear.weights = pick_rows(linear.weights, 1, columns, kept);
  linear.features = static_cast<std::int64_t>(kept.size());
  return row_of;
}

/// Lets the graph's Gather look its rows up in `row_of` first.
Result<std::string> add_row_table(const std::string& onnx, const RowOf& row_of, std::int64_t rows) {
  AMAS_TRY(auto model, model::parse_onnx(onnx));
  GraphEditor editor(model);
  const std::vector<std::int64_t> dims{static_cast<std::int64_t>(row_of.size())};
  const bool narrow = rows <= std::numeric_limits<std::uint16_t>::max() + 1;
  const std::vector<std::uint16_t> narrowed(row_of.begin(), row_of.end());
  const std::string table = narrow ? editor.add_constant<std::uint16_t>("row_of", dims, narrowed)
                                   : editor.add_constant<std::int32_t>("row_of", dims, row_of);
  for (const onnx::NodeProto& node : editor.nodes()) {
    if (node.op_type() != "Gather") {
      editor.keep(node);
      continue;
    }
    const std::string found = editor.new_name("row"), index = editor.new_name("row_index");
    editor.add("Gather", {table, node.input(1)}, found);
    // Indices of a Gather are INT32 or INT64, whatever is stored.
    model::set_int(editor.add("Cast", {found}, index), "to", onnx::TensorProto::INT32);
    onnx::NodeProto gather = node;
    gather.set_input(1, index);
    editor.keep(gather);
  }
  editor.finish();
  return model::serialise_onnx(model);
}

Result<std::string> prune_lstm(TextLstm net, const PruneOptions& options) {
  cut_units(net, options.keep_units);
  if (options.keep_vocabulary >= 1) return model::export_text_lstm(net);
  const RowOf row_of = share_rows(net, options.keep_vocabulary);
  return add_row_table(model::export_text_lstm(net), row_of, net.vocabulary);
}

Result<std::string> prune_linear(SparseLinear linear, const PruneOptions& options) {
  if (options.keep_vocabulary >= 1 || linear.features < 2) return model::export_sparse_linear(linear);
  const RowOf row_of = drop_rows(linear, options.keep_vocabulary);
  return add_row_table(model::export_sparse_linear(linear), row_of, linear.features);
}

}  // namespace

std::int64_t kept_units(std::int64_t units, double share) {
  const auto steps = std::llround(static_cast<double>(units) * share / kUnitsStep);
  return std::min(units, std::max<std::int64_t>(1, steps) * kUnitsStep);
}

Result<std::string> prune(std::string_view onnx, const PruneOptions& options) {
  for (const double share : {options.keep_units, options.keep_vocabulary})
    if (!(share > 0 && share <= 1))
      return invalid_argument(fmt::format("share to keep is outside (0,1]: {}; 1 keeps all", share));
  AMAS_TRY(const auto model, model::parse_onnx(onnx));
  auto net = model::import_text_lstm(model);
  if (net) return prune_lstm(std::move(*net), options);
  if (net.error().code != Code::kUnimplemented) return net.error();
  AMAS_TRY(auto linear, model::import_sparse_linear(model));
  return prune_linear(std::move(linear), options);
}

}  // namespace amas::optimise
