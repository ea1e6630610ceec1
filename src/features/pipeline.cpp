#include "features/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <new>

#include "base/limits.h"
#include "base/text.h"
#include "features/pipeline_state.h"

namespace amas::features {
namespace {

constexpr std::size_t kLabelsShownMax = 20;

// The cells as texts: the column's own where they are, or copies in `storage`.
std::span<const std::string> texts_of(const table::Column& column, std::vector<std::string>& storage) {
  if (column.type() == table::ColumnType::kString) return column.strings();
  storage = text_tensor(column).strings();
  return storage;
}

Status check_sizes(std::span<const std::string> texts) {
  for (std::size_t row = 0; row < texts.size(); ++row)
    if (texts[row].size() > limits::kTextBytesMax)
      return resource_exhausted(
          fmt::format("text is larger than allowed: row {} has {} bytes > {}; shorten it", row,
                      texts[row].size(), limits::kTextBytesMax));
  return {};
}

Status check_not_missing(const table::Column& column, std::size_t row) {
  if (!column.is_missing(row)) return {};
  return invalid_argument(
      fmt::format("target is missing: column \"{}\", row {}; drop such rows", column.name, row));
}

// Ordered as the values are: "2" before "10" where the column holds numbers.
Result<std::vector<std::string>> learn_labels(const table::Column& column) {
  std::map<std::string, std::size_t> first_rows;
  for (std::size_t row = 0; row < column.size(); ++row) {
    AMAS_CHECK(check_not_missing(column, row));
    first_rows.try_emplace(column.text(row), row);
  }
  std::vector<std::string> labels;
  for (const auto& [label, row] : first_rows) {
    if (!is_utf8(label))
      return invalid_argument(fmt::format("label is not UTF-8: column \"{}\", row {}", column.name, row));
    labels.push_back(label);
  }
  if (labels.size() < 2)
    return failed_precondition(
        fmt::format("target has fewer than two classes: column \"{}\" holds {}; a classifier "
                    "needs examples of at least two",
                    column.name, labels.empty() ? "no rows" : "only \"" + labels[0] + "\""));
  std::visit(
      [&](const auto& cells) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(cells[0])>>)
          std::sort(labels.begin(), labels.end(), [&](const std::string& a, const std::string& b) {
            return cells[first_rows.at(a)] < cells[first_rows.at(b)];
          });
      },
      column.cells);
  return labels;
}

Error unknown_label(const std::string& label, std::size_t row, const std::vector<std::string>& labels) {
  const auto near = nearest(label, labels);
  const std::vector<std::string> shown(
      labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(std::min(labels.size(), kLabelsShownMax)));
  return invalid_argument(fmt::format("label was not seen in training: \"{}\" in row {}{}; known: {}{}",
                                      cut_utf8(label, 200), row,
                                      near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                      fmt::join(shown, ", "), shown.size() < labels.size() ? ", …" : ""));
}

}  // namespace

struct Pipeline::State {
  PipelineParts parts;
  std::vector<Port> inputs{{"text", DType::kString, {-1}}};
  std::vector<Port> outputs;
  std::map<std::string, std::int32_t, std::less<>> classes;

  explicit State(PipelineParts from) : parts(std::move(from)), outputs(parts.step->outputs()) {
    for (std::size_t i = 0; i < parts.labels.size(); ++i)
      classes[parts.labels[i]] = static_cast<std::int32_t>(i);
  }
};

Pipeline::Pipeline(std::unique_ptr<State> state) : state_(std::move(state)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

Result<Pipeline> Pipeline::fit(const PipelineSpec& spec, const table::Table& training) {
  AMAS_TRY(const TextSettings settings, text_settings_from_json(spec.text_step));
  AMAS_TRY(const table::Column* column, training.column(spec.text));
  PipelineParts parts{spec.text, spec.target, {}, nullptr};
  if (!spec.target.empty()) {
    AMAS_TRY(const table::Column* target, training.column(spec.target));
    AMAS_TRY(parts.labels, learn_labels(*target));
  }
  std::vector<std::string> storage;
  const auto texts = texts_of(*column, storage);
  AMAS_CHECK(check_sizes(texts));
  if (const auto* tokens = std::get_if<TokenSettings>(&settings)) {
    AMAS_TRY(parts.step, fit_tokens(*tokens, texts));
  } else {
    AMAS_TRY(parts.step, fit_tfidf(std::get<TfidfSettings>(settings), texts));
  }
  return Pipeline(std::make_unique<State>(std::move(parts)));
}

Result<Pipeline> Pipeline::from_json(std::string_view text) {
  AMAS_TRY(PipelineParts parts, read_pipeline(text));
  return Pipeline(std::make_unique<State>(std::move(parts)));
}

std::string Pipeline::to_json() const { return write_pipeline(state_->parts); }

const std::vector<Port>& Pipeline::inputs() const { return state_->inputs; }
const std::vector<Port>& Pipeline::outputs() const { return state_->outputs; }
const std::vector<std::string>& Pipeline::labels() const { return state_->parts.labels; }
std::int64_t Pipeline::index_count() const { return state_->parts.step->index_count(); }
std::string_view Pipeline::text_type() const { return state_->parts.step->type(); }

void Pipeline::observe_as(const Pipeline& other) {
  state_->parts.step->observe_as(*other.state_->parts.step);
}

Result<std::vector<Tensor>> Pipeline::transform(std::span<const TensorView> columns,
                                                std::vector<TextObservation>* observed) const {
  AMAS_TRY(auto pieces, pieces_of(columns, observed, kTensorBytesMax));
  if (pieces.size() == 1) return std::move(pieces[0]);
  return resource_exhausted(
      fmt::format("too many texts at once, or of too different length: {} texts, all padded to the longest, "
                  "fill more than {} "
                  "bytes; send fewer, and the long ones alone",
                  columns[0].rows(), kTensorBytesMax));
}

Result<std::vector<std::vector<Tensor>>> Pipeline::transform_in_pieces(
    std::span<const TensorView> columns, std::vector<TextObservation>* observed) const {
  return pieces_of(columns, observed, limits::kBatchBytesMax);
}

// Calls prepare(texts, observed) once the columns have been checked; `observed` is empty or has an entry a
// text.
template <class Prepare>
auto Pipeline::prepare(std::span<const TensorView> columns, std::vector<TextObservation>* observed,
                       Prepare&& prepare) const -> decltype(prepare({}, {})) {
  if (columns.size() != 1)
    return invalid_argument(fmt::format("wrong number of columns: {}; send 1, \"text\"", columns.size()));
  const TensorView& text = columns[0];
  if (text.dtype() != DType::kString)
    return invalid_argument(
        fmt::format("column has the wrong dtype: \"text\" is {}; send string", dtype_name(text.dtype())));
  if (text.row_size() != 1 || text.shape().empty())
    return invalid_argument(
        fmt::format("column has the wrong shape: \"text\" is {}; send [-1]", format_shape(text.shape())));
  AMAS_CHECK(check_sizes(text.strings()));
  try {
    if (observed) observed->assign(text.size(), TextObservation{});
    return prepare(text.strings(), observed ? std::span(*observed) : std::span<TextObservation>());
  } catch (const std::bad_alloc&) {
    return resource_exhausted(
        fmt::format("not enough memory to prepare {} texts; send fewer at once", text.size()));
  }
}

Result<std::vector<std::vector<Tensor>>> Pipeline::pieces_of(std::span<const TensorView> columns,
                                                             std::vector<TextObservation>* observed,
                                                             std::size_t bytes_max) const {
  return prepare(columns, observed, [&](std::span<const std::string> texts, std::span<TextObservation> seen) {
    return state_->parts.step->transform(texts, seen, bytes_max);
  });
}

Status Pipeline::for_each_sparse_row(std::span<const TensorView> columns,
                                     std::vector<TextObservation>* observed, const UseSparseRow& use) const {
  return prepare(columns, observed, [&](std::span<const std::string> texts, std::span<TextObservation> seen) {
    return state_->parts.step->for_each_sparse_row(texts, seen, use);
  });
}

Result<std::vector<std::int32_t>> Pipeline::encode_labels(const table::Column& target) const {
  std::vector<std::int32_t> classes;
  classes.reserve(target.size());
  for (std::size_t row = 0; row < target.size(); ++row) {
    AMAS_CHECK(check_not_missing(target, row));
    const std::string label = target.text(row);
    const auto at = state_->classes.find(label);
    if (at == state_->classes.end()) return unknown_label(label, row, labels());
    classes.push_back(at->second);
  }
  return classes;
}

Tensor text_tensor(const table::Column& column) {
  std::vector<std::string> texts;
  texts.reserve(column.size());
  for (std::size_t row = 0; row < column.size(); ++row) texts.push_back(column.text(row));
  return Tensor::of_strings({static_cast<std::int64_t>(column.size())}, std::move(texts));
}

}  // namespace amas::features
