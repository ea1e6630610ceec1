#include "worker/prepare.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"

namespace amas::worker {
namespace {

constexpr std::int64_t kRowsAtOnce = 16;

struct Parts {
  table::Table training, validation;
};

/// The two columns that count, of the training and validation rows.
Result<Parts> read_parts(const Job& job) {
  AMAS_TRY(std::string bytes, read_file(job.dataset));
  AMAS_TRY(const data::Dataset dataset, data::dataset_from_bytes(bytes));
  std::string().swap(bytes);
  AMAS_TRY(const table::Column* text, dataset.table.column(job.text));
  AMAS_TRY(const table::Column* target, dataset.table.column(job.target));
  AMAS_TRY(const auto both, table::Table::of({*text, *target}));
  return Parts{both.take(dataset.split.training), both.take(dataset.split.validation)};
}

/// Sparse rows behind one another, without the padding of the graph's inputs.
struct SparseRows {
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  std::vector<std::int64_t> starts = {0};

  void append(const std::vector<Tensor>& padded) {
    const auto rows = static_cast<std::size_t>(padded[0].rows());
    const auto some_indices = padded[0].data<std::int32_t>();
    const auto some_values = padded[1].data<float>();
    const std::size_t width = some_indices.size() / rows;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = row * width; i < (row + 1) * width && some_indices[i] != 0; ++i) {
        indices.push_back(some_indices[i]);
        values.push_back(some_values[i]);
      }
      starts.push_back(static_cast<std::int64_t>(indices.size()));
    }
  }

  std::vector<Tensor> tensors() const {
    const auto count = static_cast<std::int64_t>(indices.size());
    std::vector<Tensor> all;
    all.push_back(Tensor::of<std::int32_t>({count}, indices));
    all.push_back(Tensor::of<float>({count}, values));
    all.push_back(Tensor::of<std::int64_t>({static_cast<std::int64_t>(starts.size())}, starts));
    return all;
  }
};

/// A transform pads all rows to the longest: a few at a time, so that one long text does not cost memory in
/// each row.
Result<std::vector<Tensor>> transform_sparse(const features::Pipeline& pipeline, const Tensor& texts) {
  SparseRows sparse;
  for (std::int64_t begin = 0; begin < texts.rows(); begin += kRowsAtOnce) {
    const TensorView columns[] = {{texts, begin, std::min(begin + kRowsAtOnce, texts.rows())}};
    AMAS_TRY(const auto padded, pipeline.transform(columns));
    sparse.append(padded);
  }
  return sparse.tensors();
}

Result<engine::Examples> examples_of(const features::Pipeline& pipeline, const table::Table& part,
                                     const Job& job) {
  engine::Examples examples;
  AMAS_TRY(const table::Column* target, part.column(job.target));
  AMAS_TRY(examples.targets, pipeline.encode_labels(*target));
  AMAS_TRY(const table::Column* text, part.column(job.text));
  const Tensor texts = features::text_tensor(*text);
  if (pipeline.text_type() == "tfidf") {
    AMAS_TRY(examples.inputs, transform_sparse(pipeline, texts));
    return examples;
  }
  const TensorView columns[] = {texts};
  AMAS_TRY(examples.inputs, pipeline.transform(columns));
  return examples;
}

}  // namespace

Result<Prepared> prepare(const Job& job) {
  AMAS_TRY(Parts parts, read_parts(job));
  AMAS_TRY(auto pipeline, features::Pipeline::fit({job.text, job.target, job.text_step}, parts.training));
  // From here on nothing is learnt about preparation.
  AMAS_TRY(auto training, examples_of(pipeline, parts.training, job));
  AMAS_TRY(auto validation, examples_of(pipeline, parts.validation, job));
  parts = {};
  ::malloc_trim(0);  // The texts are many times larger than what training keeps; give their pages back.
  return Prepared{std::move(pipeline), std::move(training), std::move(validation)};
}

}  // namespace amas::worker
