#include "engines/linear/linear_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/onnx.h"

namespace amas::engines {
namespace {

class LinearModel final : public engine::LoadedModel, public engine::SparseScorer {
 public:
  explicit LinearModel(model::SparseLinear linear)
      : linear_(std::move(linear)),
        dense_(static_cast<std::size_t>(linear_.dense)),
        classes_(std::max<std::size_t>(2, dense_)),
        outputs_{{"scores", DType::kFloat32, {-1, static_cast<std::int64_t>(classes_)}}} {}

  const std::vector<engine::TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<engine::TensorSpec>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override;
  const engine::SparseScorer* sparse_scorer() const override { return this; }
  std::size_t classes() const override { return classes_; }
  Status score(const SparseRow& row, std::span<float> scores) const override;

 private:
  Status add_row(const SparseRow& row, std::span<double> sums) const;
  void write_scores(std::span<const double> sums, std::span<float> scores) const;

  const model::SparseLinear linear_;
  const std::size_t dense_;
  const std::size_t classes_;
  const std::vector<engine::TensorSpec> inputs_{{"indices", DType::kInt32, {-1, -1}},
                                                {"values", DType::kFloat32, {-1, -1}}};
  const std::vector<engine::TensorSpec> outputs_;
};

Status LinearModel::score(const SparseRow& row, std::span<float> scores) const {
  thread_local std::vector<double> sums;
  sums.assign(linear_.bias.begin(), linear_.bias.end());
  AMAS_CHECK(add_row(row, sums));
  write_scores(sums, scores);
  return {};
}

Status LinearModel::add_row(const SparseRow& row, std::span<double> sums) const {
  for (std::size_t i = 0; i < row.indices.size(); ++i) {
    // A negative index counts from the end, as ONNX has it.
    const std::int64_t index = row.indices[i] < 0 ? row.indices[i] + linear_.features : row.indices[i];
    if (index < 0 || index >= linear_.features)
      return invalid_argument(fmt::format("feature is outside the model: {}; it knows 0 … {}", row.indices[i],
                                          linear_.features - 1));
    const float* weights = linear_.weights.data() + static_cast<std::size_t>(index) * dense_;
    for (std::size_t d = 0; d < dense_; ++d)
      sums[d] += static_cast<double>(row.values[i]) * static_cast<double>(weights[d]);
  }
  return {};
}

/// The softmax over classes; over [0, z] where the model has one column.
void LinearModel::write_scores(std::span<const double> sums, std::span<float> scores) const {
  if (dense_ == 1) {
    // Each from its own exponential, so that small scores of either class stay exact.
    scores[0] = static_cast<float>(1 / (1 + std::exp(sums[0])));
    scores[1] = static_cast<float>(1 / (1 + std::exp(-sums[0])));
    return;
  }
  const double largest = *std::ranges::max_element(sums);
  double all = 0;
  for (const double sum : sums) all += std::exp(sum - largest);
  for (std::size_t d = 0; d < dense_; ++d) scores[d] = static_cast<float>(std::exp(sums[d] - largest) / all);
}

Result<std::vector<Tensor>> LinearModel::run(std::span<const TensorView> inputs) {
  AMAS_CHECK(engine::check_inputs(inputs_, inputs));
  if (inputs[0].shape() != inputs[1].shape())
    return invalid_argument(fmt::format("indices and values differ in shape: {} and {}",
                                        format_shape(inputs[0].shape()), format_shape(inputs[1].shape())));
  const auto rows = static_cast<std::size_t>(inputs[0].rows());
  const std::size_t width = inputs[0].data<std::int32_t>().size() / rows;
  std::vector<Tensor> outputs;
  outputs.emplace_back(DType::kFloat32, Shape{inputs[0].rows(), static_cast<std::int64_t>(classes_)});
  for (std::size_t row = 0; row < rows; ++row) {
    const SparseRow own{inputs[0].data<std::int32_t>().subspan(row * width, width),
                        inputs[1].data<float>().subspan(row * width, width)};
    AMAS_CHECK(score(own, outputs[0].data<float>().subspan(row * classes_, classes_)));
  }
  return outputs;
}

class LinearEngine final : public engine::Engine {
 public:
  std::string_view name() const override { return "linear"; }
  std::string version() const override { return AMAS_VERSION; }
  std::vector<std::string> precisions() const override { return {"float32"}; }
  Result<std::unique_ptr<engine::LoadedModel>> load(std::string_view onnx,
                                                    const engine::LoadOptions& options) override {
    if (!options.precision.empty() && options.precision != "float32")
      return invalid_argument(
          fmt::format("precision is unknown to the linear engine: {}; known: float32", options.precision));
    AMAS_TRY(const auto graph, model::parse_onnx(onnx));
    AMAS_TRY(auto linear, model::import_sparse_linear(graph));
    for (const auto* values : {&linear.weights, &linear.bias})
      if (!std::ranges::all_of(*values, [](float value) { return std::isfinite(value); }))
        return unimplemented("weights are not finite");
    return std::unique_ptr<engine::LoadedModel>(std::make_unique<LinearModel>(std::move(linear)));
  }
};

}  // namespace

std::unique_ptr<engine::Engine> make_linear_engine() { return std::make_unique<LinearEngine>(); }

}  // namespace amas::engines
