#include "worker/prepare.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "features/rows.h"

namespace amas::worker {
namespace {

struct Parts {
  table::Table training, validation;
};

/// The rows that are trained on, ascending.
std::vector<std::size_t> trained_rows(const data::Split& split, bool refit) {
  if (!refit) return split.training;
  std::vector<std::size_t> both;
  std::ranges::merge(split.training, split.validation, std::back_inserter(both));
  return both;
}

/// The two columns that count, of the rows that are trained on and of the validation rows.
Result<Parts> read_parts(const Job& job) {
  AMAS_TRY(std::string bytes, read_file(job.dataset));
  AMAS_TRY(const data::Dataset dataset, data::dataset_from_bytes(bytes));
  std::string().swap(bytes);
  AMAS_TRY(const table::Column* text, dataset.table.column(job.text));
  AMAS_TRY(const table::Column* target, dataset.table.column(job.target));
  AMAS_TRY(const auto both, table::Table::of({*text, *target}));
  return Parts{both.take(trained_rows(dataset.split, job.refit)), both.take(dataset.split.validation)};
}

Result<engine::Examples> examples_of(const features::Pipeline& pipeline, const table::Table& part,
                                     const Job& job) {
  engine::Examples examples;
  AMAS_TRY(const table::Column* target, part.column(job.target));
  AMAS_TRY(examples.targets, pipeline.encode_labels(*target));
  AMAS_TRY(const table::Column* text, part.column(job.text));
  AMAS_TRY(examples.inputs, features::transform_rows(pipeline, features::text_tensor(*text)));
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
