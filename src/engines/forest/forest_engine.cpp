#include "engines/forest/forest_engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "engines/forest/compiled.h"
#include "engines/forest/onnx_forest_graph.h"
#include "engines/forest/onnx_scores.h"
#include "model/onnx.h"

namespace amas::engines {
namespace {

using engine::TensorSpec;
using namespace forest;

/// Rows between which margins are turned into outputs, so that large batches of many classes need little
/// memory besides.
constexpr std::size_t kRowsTogether = 1024;

/// A forest with its graph's inputs and outputs. T: float or double, in which rows are walked.
template <class T>
class ForestModel final : public engine::LoadedModel {
 public:
  static Result<std::unique_ptr<engine::LoadedModel>> make(ForestGraph graph);
  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override;

 private:
  explicit ForestModel(ForestGraph graph) : graph_(std::move(graph)) {}
  std::size_t targets() const { return static_cast<std::size_t>(graph_.trees.forest.targets); }
  void score(const Rows<T>& rows, std::size_t first, std::vector<Tensor>& outputs) const;
  void write_labels(std::span<const std::size_t> winners, std::size_t first, Tensor& out) const;
  void write_scores(std::span<const double> scores, std::size_t first, Tensor& out) const;

  ForestGraph graph_;
  std::unique_ptr<Compiled<T>> compiled_;
  std::vector<TensorSpec> inputs_, outputs_;
};

template <class T>
Result<std::unique_ptr<engine::LoadedModel>> ForestModel<T>::make(ForestGraph graph) {
  std::unique_ptr<ForestModel> model(new ForestModel(std::move(graph)));
  AMAS_TRY(model->compiled_, compile<T>(model->graph_.trees.forest));
  model->inputs_.push_back(model->graph_.input);
  for (const GraphOutput& output : model->graph_.outputs) model->outputs_.push_back(output.spec);
  // What was compiled is not needed twice; the labels and base values are.
  Forest& plain = model->graph_.trees.forest;
  plain.nodes = {};
  plain.votes = {};
  plain.sets = {};
  return std::unique_ptr<engine::LoadedModel>(std::move(model));
}

/// Whole numbers are asked as the floats next to them.
template <class From, class T>
std::vector<T> cast_rows(const TensorView& view) {
  const auto values = view.data<From>();
  return std::vector<T>(values.begin(), values.end());
}

/// Scores some rows into rows [first, …) of the outputs.
template <class T>
void ForestModel<T>::score(const Rows<T>& rows, std::size_t first, std::vector<Tensor>& outputs) const {
  const std::size_t width = targets();
  std::vector<double> margins(rows.count * width), scores(rows.count * width);
  std::vector<std::uint8_t> voted(rows.count * width);
  std::vector<std::size_t> winners(rows.count);
  compiled_->margins(rows, margins, voted);
  for (std::size_t row = 0; row < rows.count; ++row)
    winners[row] = onnx_scores(graph_.trees, std::span(margins).subspan(row * width, width),
                               std::span(voted).subspan(row * width, width),
                               std::span(scores).subspan(row * width, width));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (graph_.outputs[i].label) write_labels(winners, first, outputs[i]);
    else write_scores(scores, first * width, outputs[i]);
  }
}

template <class T>
void ForestModel<T>::write_labels(std::span<const std::size_t> winners, std::size_t first,
                                  Tensor& out) const {
  for (std::size_t i = 0; i < winners.size(); ++i) {
    if (out.dtype() == DType::kString) out.strings()[first + i] = graph_.trees.label_names[winners[i]];
    else out.data<std::int64_t>()[first + i] = graph_.trees.labels[winners[i]];
  }
}

/// A cast behind the trees may widen floats.
template <class T>
void ForestModel<T>::write_scores(std::span<const double> scores, std::size_t first, Tensor& out) const {
  if (out.dtype() == DType::kFloat32) {
    const auto to = out.data<float>().subspan(first);
    for (std::size_t i = 0; i < scores.size(); ++i) to[i] = static_cast<float>(scores[i]);
    return;
  }
  const bool narrow = graph_.scores == DType::kFloat32;
  const auto to = out.data<double>().subspan(first);
  for (std::size_t i = 0; i < scores.size(); ++i)
    to[i] = narrow ? static_cast<double>(static_cast<float>(scores[i])) : scores[i];
}

template <class T>
Result<std::vector<Tensor>> ForestModel<T>::run(std::span<const TensorView> inputs) {
  AMAS_CHECK(engine::check_inputs(inputs_, inputs));
  const TensorView& input = inputs[0];
  const std::size_t width = input.row_size();
  if (width < static_cast<std::size_t>(graph_.trees.forest.features))
    return invalid_argument(fmt::format("rows are too short: the trees ask for {} features, a row has {}",
                                        graph_.trees.forest.features, width));
  std::vector<T> cast;
  if (input.dtype() == DType::kInt64) cast = cast_rows<std::int64_t, T>(input);
  else if (input.dtype() == DType::kInt32) cast = cast_rows<std::int32_t, T>(input);
  const T* data = cast.empty() ? input.data<T>().data() : cast.data();
  std::vector<Tensor> results;
  results.reserve(outputs_.size());
  for (const TensorSpec& spec : outputs_) {
    Shape shape = spec.shape;
    shape[0] = input.rows();
    results.emplace_back(spec.dtype, std::move(shape));
  }
  const auto rows = static_cast<std::size_t>(input.rows());
  for (std::size_t first = 0; first < rows; first += kRowsTogether)
    score(
        {data + first * width, std::min(kRowsTogether, rows - first), static_cast<std::ptrdiff_t>(width), 1},
        first, results);
  return results;
}

class ForestEngine final : public engine::Engine {
 public:
  std::string_view name() const override { return "forest"; }
  std::string version() const override { return AMAS_VERSION; }
  std::vector<std::string> precisions() const override { return {"float32"}; }
  Result<std::unique_ptr<engine::LoadedModel>> load(std::string_view onnx,
                                                    const engine::LoadOptions& options) override {
    if (options.threads < 1)
      return invalid_argument(fmt::format("threads must be at least 1: {}", options.threads));
    AMAS_TRY(const auto model, model::parse_onnx(onnx));
    AMAS_TRY(auto graph, read_forest_graph(model));
    return graph.input.dtype == DType::kFloat64 ? ForestModel<double>::make(std::move(graph))
                                                : ForestModel<float>::make(std::move(graph));
  }
};

}  // namespace

std::unique_ptr<engine::Engine> open_forest_engine() { return std::make_unique<ForestEngine>(); }

}  // namespace amas::engines
