#include "serve/version.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"

namespace amas::serve {
namespace {

constexpr std::int64_t kRowsAtOnce = 64;  // bounds the memory of one run

std::string variant_names(const model::Manifest& manifest) {
  std::string names;
  for (const model::Variant& variant : manifest.variants) names += (names.empty() ? "" : ", ") + variant.name;
  return names;
}

bool have_rows(const std::vector<engine::TensorSpec>& specs) {
  return std::ranges::all_of(specs,
                             [](const auto& spec) { return !spec.shape.empty() && spec.shape[0] < 0; });
}

std::size_t scores_index(const engine::LoadedModel& graph) {
  const auto& outputs = graph.outputs();
  const auto at = std::ranges::find(outputs, "scores", &engine::TensorSpec::name);
  return at == outputs.end() ? 0 : static_cast<std::size_t>(at - outputs.begin());
}

std::vector<engine::TensorSpec> with_ranges(const engine::LoadedModel& graph,
                                            const model::Manifest& manifest) {
  std::vector<engine::TensorSpec> specs = graph.inputs();
  const auto signature = manifest.signatures.find("tensors");
  if (signature == manifest.signatures.end()) return specs;
  for (engine::TensorSpec& spec : specs) {
    const auto known = std::ranges::find(signature->second.inputs, spec.name, &engine::TensorSpec::name);
    if (known != signature->second.inputs.end()) spec.range = known->range;
  }
  return specs;
}

}  // namespace

Result<std::shared_ptr<ServableVersion>> ServableVersion::load(const model::Package& package,
                                                               std::string_view variant,
                                                               engine::Engine& engine, int threads) {
  const model::Variant* chosen = package.manifest().find_variant(variant);
  if (chosen == nullptr)
    return not_found(fmt::format("package has no such variant: {}; it has {}", variant,
                                 variant_names(package.manifest())));
  std::shared_ptr<ServableVersion> version(new ServableVersion());
  AMAS_TRY(version->pipeline_, package.pipeline());
  AMAS_TRY(version->profile_, package.profile());
  AMAS_TRY(const std::string graph, package.read(chosen->file));
  AMAS_TRY(
      version->graph_,
      engine.load(graph, {.threads = threads, .engine = chosen->engine, .precision = chosen->precision}));
  version->manifest_ = std::make_shared<const model::Manifest>(package.manifest());
  version->tensor_inputs_ = with_ranges(*version->graph_, package.manifest());
  version->scores_index_ = scores_index(*version->graph_);
  version->has_rows_ = version->manifest_->has_rows && have_rows(version->graph_->inputs()) &&
                       have_rows(version->graph_->outputs());
  AMAS_CHECK(version->check_graph());
  if (version->pipeline_ && version->pipeline_->text_type() == "tfidf" && version->scores_index_ == 0)
    version->sparse_ = version->graph_->sparse_scorer();
  return version;
}

Status ServableVersion::check_graph() const {
  if (graph_->outputs().empty()) return invalid_argument("the graph has no outputs");
  if (!pipeline_) return {};
  const auto& wanted = graph_->inputs();
  const auto& given = pipeline_->outputs();
  const bool fits =
      has_rows_ &&
      std::ranges::equal(wanted, given, [](const engine::TensorSpec& input, const features::Port& output) {
        return input.dtype == output.dtype && input.shape.size() == output.shape.size();
      });
  if (!fits)
    return invalid_argument(
        fmt::format("package does not fit together: the graph takes {} inputs, the pipeline gives {}, or "
                    "they differ in dtype; train "
                    "the model again",
                    wanted.size(), given.size()));
  return {};
}

Result<Tensor> ServableVersion::score(std::span<const TensorView> columns) const {
  if (is_sparse()) return score_sparse(columns, nullptr);
  AMAS_TRY(const auto pieces, prepare(columns, nullptr));
  const std::int64_t rows = columns.empty() ? 0 : columns[0].rows();
  AMAS_TRY(std::vector<Tensor> outputs, run(pieces, {0, rows}, kRowsAtOnce));
  return scores_of(std::move(outputs));
}

Result<Tensor> ServableVersion::score_sparse(std::span<const TensorView> columns,
                                             std::vector<features::TextObservation>* observed) const {
  const std::size_t classes = sparse_->classes();
  Tensor scores(DType::kFloat32,
                {columns.empty() ? 0 : columns[0].rows(), static_cast<std::int64_t>(classes)});
  const auto score_row = [&](std::size_t row, const SparseRow& features) {
    return sparse_->score(features, scores.data<float>().subspan(row * classes, classes));
  };
  AMAS_CHECK(pipeline_->for_each_sparse_row(columns, observed, score_row));
  return scores;
}

Result<std::vector<GraphInputs>> ServableVersion::prepare(
    std::span<const TensorView> columns, std::vector<features::TextObservation>* observed) const {
  AMAS_TRY(auto pieces, pipeline_->transform_in_pieces(columns, observed));
  // Rows without a known word have no features at all; engines are spared dimensions of size 0.
  for (auto& piece : pieces)
    for (Tensor& tensor : piece)
      if (tensor.rows() > 0 && tensor.size() == 0 && tensor.shape().size() == 2)
        tensor = Tensor(tensor.dtype(), {tensor.rows(), 1});
  return pieces;
}

Result<std::vector<Tensor>> ServableVersion::run(std::span<const GraphInputs> pieces, RowRange rows,
                                                 std::int64_t rows_max) const {
  // Most batches are one run of one piece.
  if (pieces.size() == 1 && rows.end - rows.begin <= rows_max && rows.begin < rows.end)
    return run_slice(pieces[0], rows);
  std::vector<std::vector<Tensor>> parts;
  std::int64_t first = 0;  // row of the piece
  for (const GraphInputs& piece : pieces) {
    const std::int64_t count = piece.empty() ? 0 : piece[0].rows();
    const std::int64_t end = std::min(rows.end - first, count);
    for (std::int64_t begin = std::max<std::int64_t>(rows.begin - first, 0); begin < end; begin += rows_max) {
      AMAS_TRY(parts.emplace_back(), run_slice(piece, {begin, std::min(end, begin + rows_max)}));
    }
    first += count;
  }
  if (parts.size() == 1) return std::move(parts[0]);
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; !parts.empty() && i < parts[0].size(); ++i) {
    std::vector<TensorView> same;
    for (const auto& part : parts) same.emplace_back(part[i]);
    AMAS_TRY(outputs.emplace_back(), concat_rows(same));
  }
  return outputs;
}

Result<std::vector<Tensor>> ServableVersion::run_whole(const GraphInputs& inputs) const {
  const std::vector<TensorView> views(inputs.begin(), inputs.end());
  return graph_->run(views);
}

Result<std::vector<Tensor>> ServableVersion::run_slice(const GraphInputs& piece, RowRange rows) const {
  std::vector<TensorView> slice;
  slice.reserve(piece.size());
  for (const Tensor& input : piece) slice.emplace_back(input, rows.begin, rows.end);
  return graph_->run(slice);
}

Result<Tensor> ServableVersion::scores_of(std::vector<Tensor> outputs) const {
  if (outputs.size() <= scores_index_) return internal_error("the engine gave too few outputs");
  Tensor& scores = outputs[scores_index_];
  if (scores.dtype() != DType::kFloat32 || scores.shape().size() != 2 || scores.shape()[1] < 1)
    return internal_error(fmt::format("the graph's scores are {} {}; they must be float32 [-1,classes]",
                                      dtype_name(scores.dtype()), format_shape(scores.shape())));
  return std::move(scores);
}

std::vector<std::string> ServableVersion::best_labels(const Tensor& scores) const {
  const auto& labels = manifest_->labels;
  const auto rows = static_cast<std::size_t>(scores.rows());
  const std::size_t classes = rows == 0 ? 0 : scores.size() / rows;
  std::vector<std::string> best;
  best.reserve(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto values = scores.data<float>().subspan(row * classes, classes);
    const auto at = static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
    best.push_back(at < labels.size() ? labels[at] : std::to_string(at));
  }
  return best;
}

}  // namespace amas::serve
