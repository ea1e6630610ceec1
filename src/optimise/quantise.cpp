#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "model/onnx.h"
#include "optimise/graph_editor.h"
#include "optimise/optimise.h"

namespace amas::optimise {
namespace {

using onnx::NodeProto;
using onnx::TensorProto;

/// Weights that an integer product reads take 7 bits: processors without VNNI add pairs of products in 16
/// bits, which 255 · 64 · 2 just fits. With 8 bits the same file would answer differently there.
constexpr float kProductMax = 64;
/// Weights that are only looked up take the whole range.
constexpr float kTableMax = 127;
/// Measured at batch 1: below this an fp32 product is quicker than quantising its input (128 × 128: equal).
constexpr std::size_t kProductElementsMin = 16'384;
/// Below this a table or an LSTM saves too few bytes to be worth the rounding.
constexpr std::size_t kElementsMin = 4'096;
/// Rows at least this wide have a scale each; with narrower ones the scales would take the bytes that were
/// saved.
constexpr std::size_t kRowScaleColumnsMin = 16;
/// The first with DynamicQuantizeLinear.
constexpr std::int64_t kOpsetMin = 11;

std::size_t elements(const TensorProto& tensor) {
  return element_count(std::span(tensor.dims().data(), static_cast<std::size_t>(tensor.dims_size())));
}

struct Quantised {
  std::vector<std::int8_t> values;
  std::vector<float> scales;
};

Result<float> scale_of(float largest, float range, std::string_view name) {
  if (!std::isfinite(largest))
    return invalid_argument(fmt::format("weights are not finite: {}; train again with a smaller rate", name));
  // Weights so small that their scale would be subnormal are as good as zero.
  const float scale = largest / range;
  return scale >= 1e-30F ? scale : 1.0F;
}

std::int8_t rounded(float value, float scale) { return static_cast<std::int8_t>(std::lrint(value / scale)); }

/// The largest magnitude; NaN or infinity where there is one.
struct Largest {
  float value = 0;
  void add(float other) {
    const float magnitude = std::fabs(other);
    if (!(magnitude <= value)) value = std::isnan(value) ? value : magnitude;
  }
};

/// Symmetric int8 of a [rows, columns] matrix with one scale for each group; `group(i)` is that of element i.
template <class Group>
Result<Quantised> quantise(std::span<const float> weights, std::size_t groups, float range,
                           std::string_view name, const Group& group) {
  std::vector<Largest> largest(groups);
  for (std::size_t i = 0; i < weights.size(); ++i) largest[group(i)].add(weights[i]);
  Quantised result;
  for (const Largest& one : largest) {
    AMAS_TRY(const float scale, scale_of(one.value, range, name));
    result.scales.push_back(scale);
  }
  result.values.reserve(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    result.values.push_back(rounded(weights[i], result.scales[group(i)]));
  return result;
}

/// Column-major to row-major or back: [rows, columns] → [columns, rows].
std::vector<float> transposed(std::span<const float> matrix, std::size_t rows, std::size_t columns) {
  std::vector<float> turned(matrix.size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column)
      turned[column * rows + row] = matrix[row * columns + column];
  return turned;
}

/// Rewrites one graph. Each `try_…` returns whether it put something in the node's place.
class Quantiser {
 public:
  explicit Quantiser(GraphEditor& editor) : editor_(editor) {}
  Result<bool> try_gather(const NodeProto& node);
  Result<bool> try_lstm(const NodeProto& node);
  Result<bool> try_product(const NodeProto& node);

 private:
  struct Table {
    std::string values, scales;
    bool row_scales = false;
  };
  struct LstmMatrix {
    std::string values, scales, zeros;
  };
  struct ProductMatrix {
    std::string values, scales;
  };
  struct Product {
    const TensorProto* matrix = nullptr;
    bool turned = false;  ///< given as [columns, rows]
    std::string bias;
  };
  Result<Table> table_of(const TensorProto& tensor);
  Result<LstmMatrix> lstm_matrix(const TensorProto& tensor);
  Result<ProductMatrix> product_matrix(const Product& product);
  std::optional<Product> product_of(const NodeProto& node) const;

  GraphEditor& editor_;
  // What was made of a constant, by its name: nodes that share one go on sharing it.
  std::map<std::string, Table> tables_;
  std::map<std::string, LstmMatrix> lstm_matrices_;
  std::map<std::pair<std::string, bool>, ProductMatrix> product_matrices_;  // and whether it was turned
};

Result<Quantiser::Table> Quantiser::table_of(const TensorProto& tensor) {
  if (const auto at = tables_.find(tensor.name()); at != tables_.end()) return at->second;
  AMAS_TRY(const auto weights, model::read_constant<float>(tensor));
  const std::size_t columns = tensor.dims_size() == 2 ? static_cast<std::size_t>(tensor.dims(1)) : 1;
  const std::size_t rows = weights.size() / columns;
  Table table;
  table.row_scales = columns >= kRowScaleColumnsMin;
  AMAS_TRY(const auto int8, table.row_scales ? quantise(weights, rows, kTableMax, tensor.name(),
                                                        [&](std::size_t i) { return i / columns; })
                                             : quantise(weights, columns, kTableMax, tensor.name(),
                                                        [&](std::size_t i) { return i % columns; }));
  const std::span<const std::int64_t> dims(tensor.dims().data(),
                                           static_cast<std::size_t>(tensor.dims_size()));
  table.values = editor_.add_constant<std::int8_t>(tensor.name() + "_int8", dims, int8.values);
  std::vector<std::int64_t> scale_dims;  // a table of rank 1 has one scale, a scalar
  if (table.row_scales) scale_dims = {static_cast<std::int64_t>(rows), 1};
  else if (tensor.dims_size() == 2) scale_dims = {static_cast<std::int64_t>(columns)};
  table.scales = editor_.add_constant<float>(tensor.name() + "_scale", scale_dims, int8.scales);
  tables_[tensor.name()] = table;
  return table;
}

Result<bool> Quantiser::try_gather(const NodeProto& node) {
  const TensorProto* tensor = editor_.floats(node, 0);
  if (tensor == nullptr || node.input_size() != 2 || node.output_size() != 1 || tensor->dims_size() > 2 ||
      tensor->dims_size() < 1 || model::int_attribute(node, "axis", 0) != 0)
    return false;
  const auto& dims = tensor->dims();
  if (element_count(std::span(dims.data(), static_cast<std::size_t>(dims.size()))) < kElementsMin)
    return false;
  AMAS_TRY(const Table table, table_of(*tensor));
  const std::string& output = node.output(0);
  const std::string rows = editor_.new_name(output + "_int8");
  const std::string cast = editor_.new_name(output + "_float");
  // Gathered before it is dequantised: only the rows that are read become floats.
  editor_.add("Gather", {table.values, node.input(1)}, rows);
  model::set_int(editor_.add("Cast", {rows}, cast), "to", TensorProto::FLOAT);
  std::string scale = table.scales;
  if (table.row_scales) {
    scale = editor_.new_name(output + "_scale");
    editor_.add("Gather", {table.scales, node.input(1)}, scale);
  }
  editor_.add("Mul", {cast, scale}, output);
  return true;
}

/// [directions, 4H, n] → int8 [directions, n, 4H], as DynamicQuantizeLSTM reads it, with one scale a
/// direction: one for each column took 1.24 times as long for no smaller error.
Result<Quantiser::LstmMatrix> Quantiser::lstm_matrix(const TensorProto& tensor) {
  if (const auto at = lstm_matrices_.find(tensor.name()); at != lstm_matrices_.end()) return at->second;
  AMAS_TRY(const auto weights, model::read_constant<float>(tensor));
  const auto directions = static_cast<std::size_t>(tensor.dims(0));
  const auto rows = static_cast<std::size_t>(tensor.dims(1)),
             columns = static_cast<std::size_t>(tensor.dims(2));
  std::vector<float> turned;
  for (std::size_t i = 0; i < directions; ++i) {
    const auto part =
        transposed(std::span(weights).subspan(i * rows * columns, rows * columns), rows, columns);
    turned.insert(turned.end(), part.begin(), part.end());
  }
  AMAS_TRY(const auto int8, quantise(turned, directions, kProductMax, tensor.name(),
                                     [&](std::size_t i) { return i / (rows * columns); }));
  const std::array<std::int64_t, 3> dims{tensor.dims(0), tensor.dims(2), tensor.dims(1)};
  const std::array<std::int64_t, 1> per_direction{tensor.dims(0)};
  const std::vector<std::int8_t> zeros(directions, 0);
  const LstmMatrix made{editor_.add_constant<std::int8_t>(tensor.name() + "_int8", dims, int8.values),
                        editor_.add_constant<float>(tensor.name() + "_scale", per_direction, int8.scales),
                        editor_.add_constant<std::int8_t>(tensor.name() + "_zero", per_direction, zeros)};
  lstm_matrices_[tensor.name()] = made;
  return made;
}

Result<bool> Quantiser::try_lstm(const NodeProto& node) {
  const TensorProto* kernel = editor_.floats(node, 1);
  const TensorProto* recurrent = editor_.floats(node, 2);
  if (kernel == nullptr || recurrent == nullptr || kernel->dims_size() != 3 || recurrent->dims_size() != 3 ||
      node.input_size() > 8 || model::int_attribute(node, "layout", 0) != 0)
    return false;
  if (std::max(elements(*kernel), elements(*recurrent)) < kElementsMin) return false;
  AMAS_TRY(const LstmMatrix w, lstm_matrix(*kernel));
  AMAS_TRY(const LstmMatrix r, lstm_matrix(*recurrent));
  NodeProto lstm = node;
  lstm.set_op_type("DynamicQuantizeLSTM");
  lstm.set_domain("com.microsoft");
  lstm.set_input(1, w.values);
  lstm.set_input(2, r.values);
  while (lstm.input_size() < 8) lstm.add_input("");
  for (const auto& name : {w.scales, w.zeros, r.scales, r.zeros}) lstm.add_input(name);
  // Without its first output ONNX Runtime (1.32) reads the state of a row of length 0 before it was ever
  // written, and the scale of the whole batch depends on it. With it, such states are zeros.
  if (!lstm.input(4).empty() && lstm.output_size() > 0 && lstm.output(0).empty())
    lstm.set_output(0, editor_.new_name(lstm.name() + "_states"));
  editor_.need_microsoft_domain();
  editor_.keep(lstm);
  return true;
}

std::optional<Quantiser::Product> Quantiser::product_of(const NodeProto& node) const {
  if (node.input_size() < 2 || node.output_size() != 1) return std::nullopt;
  Product product;
  product.matrix = editor_.floats(node, 1);
  if (product.matrix == nullptr || product.matrix->dims_size() != 2) return std::nullopt;
  if (node.op_type() == "MatMul") return product;
  for (const auto& attribute : node.attribute()) {
    const bool scaling = attribute.name() == "alpha" || attribute.name() == "beta";
    if (attribute.name() == "transB") product.turned = attribute.i() != 0;
    else if (scaling ? attribute.f() != 1.0F : attribute.i() != 0) return std::nullopt;
  }
  if (node.input_size() > 2) product.bias = node.input(2);
  return product;
}

Result<Quantiser::ProductMatrix> Quantiser::product_matrix(const Product& product) {
  const auto key = std::pair(product.matrix->name(), product.turned);
  if (const auto at = product_matrices_.find(key); at != product_matrices_.end()) return at->second;
  AMAS_TRY(auto weights, model::read_constant<float>(*product.matrix));
  std::array<std::int64_t, 2> dims{product.matrix->dims(0), product.matrix->dims(1)};
  if (product.turned) {
    weights = transposed(weights, static_cast<std::size_t>(dims[0]), static_cast<std::size_t>(dims[1]));
    std::swap(dims[0], dims[1]);
  }
  const auto columns = static_cast<std::size_t>(dims[1]);
  AMAS_TRY(const auto int8,
           quantise(weights, columns, kProductMax, key.first, [&](std::size_t i) { return i % columns; }));
  const ProductMatrix made{
      editor_.add_constant<std::int8_t>(key.first + "_int8", dims, int8.values),
      editor_.add_constant<float>(key.first + "_scale", std::span(dims).subspan(1), int8.scales)};
  product_matrices_[key] = made;
  return made;
}

Result<bool> Quantiser::try_product(const NodeProto& node) {
  const auto product = product_of(node);
  if (!product || elements(*product->matrix) < kProductElementsMin) return false;
  AMAS_TRY(const ProductMatrix matrix, product_matrix(*product));
  const std::string& output = node.output(0);
  const auto named = [&](std::string_view what) {
    return editor_.new_name(fmt::format("{}_{}", output, what));
  };
  const std::string input = named("input_int8"), input_scale = named("input_scale"),
                    input_zero = named("input_zero");
  auto& dynamic = editor_.add("DynamicQuantizeLinear", {node.input(0)}, input);
  dynamic.add_output(input_scale);
  dynamic.add_output(input_zero);
  const std::string sums = named("sums"), floats = named("floats"), scale = named("scale");
  editor_.add("MatMulInteger", {input, matrix.values, input_zero}, sums);
  model::set_int(editor_.add("Cast", {sums}, floats), "to", TensorProto::FLOAT);
  editor_.add("Mul", {input_scale, matrix.scales}, scale);
  const std::string scaled = product->bias.empty() ? output : named("scaled");
  editor_.add("Mul", {floats, scale}, scaled);
  if (!product->bias.empty()) editor_.add("Add", {scaled, product->bias}, output);
  return true;
}

Result<bool> try_node(Quantiser& quantiser, const NodeProto& node) {
  if (!node.domain().empty()) return false;
  if (node.op_type() == "Gather") return quantiser.try_gather(node);
  if (node.op_type() == "LSTM") return quantiser.try_lstm(node);
  if (node.op_type() == "MatMul" || node.op_type() == "Gemm") return quantiser.try_product(node);
  return false;
}

Status check_opset(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import())
    if ((opset.domain().empty() || opset.domain() == "ai.onnx") && opset.version() < kOpsetMin)
      return unimplemented(
          fmt::format("graph is of an old opset: {} < {}; convert it first", opset.version(), kOpsetMin));
  return {};
}

}  // namespace

Result<std::string> quantise_int8(std::string_view onnx) {
  AMAS_TRY(auto model, model::parse_onnx(onnx));
  AMAS_CHECK(check_opset(model));
  GraphEditor editor(model);
  Quantiser quantiser(editor);
  bool changed = false;
  for (const NodeProto& node : editor.nodes()) {
    AMAS_TRY(const bool replaced, try_node(quantiser, node));
    if (!replaced) editor.keep(node);
    changed |= replaced;
  }
  if (!changed)
    return unimplemented(
        "nothing in the graph can be quantised: no large constant feeds Gather, LSTM, MatMul or Gemm");
  editor.finish();
  return model::serialise_onnx(model);
}

}  // namespace amas::optimise
