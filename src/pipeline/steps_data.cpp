#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>

#include "base/threads.h"
#include "crypto/digest.h"
#include "data/classes.h"
#include "data/clean.h"
#include "data/import.h"
#include "data/split.h"
#include "pipeline/steps.h"

namespace amas::pipeline {
namespace {

// Raised when a step's result would differ for the same inputs, so that records of older versions no longer
// stand.
constexpr int kStepFormat = 2;
constexpr std::size_t kColumnsNoted = 12;

// The column that reads most like text: the string column with the longest cells.
Result<std::string> infer_text_column(const table::Table& table, const std::string& target) {
  if (const table::Column* text = table.find("text"); text != nullptr && target != "text")
    return std::string("text");
  std::string best;
  std::size_t longest = 0;
  for (const table::Column& column : table.columns()) {
    if (column.name == target || column.type() != table::ColumnType::kString) continue;
    std::size_t bytes = 0;
    for (const std::string& cell : column.strings()) bytes += cell.size();
    if (best.empty() || bytes > longest) {
      best = column.name;
      longest = bytes;
    }
  }
  if (best.empty())
    return failed_precondition("no column holds text; name one with `features: {text: COLUMN}`");
  return best;
}

Json class_counts(const table::Table& table, const std::string& target) {
  Json counts = Json::object();
  if (const table::Column* column = table.find(target))
    for (std::size_t row = 0; row < column->size(); ++row) {
      Json& count = counts[column->text(row)];
      count = count.is_null() ? 1 : count.get<std::uint64_t>() + 1;
    }
  return counts;
}

Json schema_json(const table::Table& table) {
  Json columns = Json::array();
  for (const table::ColumnSchema& column : table.schema())
    columns.push_back({{"name", column.name}, {"type", table::column_type_name(column.type)}});
  return columns;
}

Json report_json(const data::ImportReport& report) {
  return {{"files", report.files},
          {"bytes", report.bytes},
          {"rows", report.rows},
          {"skipped", report.skipped_count},
          {"skipped_samples", report.skipped}};
}

Json report_json(const data::CleanReport& report) {
  return {{"rows_before", report.rows_before},       {"rows_after", report.rows_after},
          {"missing_target", report.missing_target}, {"empty", report.empty},
          {"duplicates", report.duplicates},         {"contradictions", report.contradictions},
          {"rare_classes", report.rare_classes},     {"contradiction_samples", report.contradiction_samples}};
}

Result<table::Table> import_rows(const Spec& spec, const RunContext& context, data::ImportReport& report) {
  return data::import_source(
      spec.source, context.reader, processors(), report, [&](std::uint64_t done, std::uint64_t all) {
        context.progress.advanced("data", static_cast<double>(done), static_cast<double>(all), "files", "");
      });
}

// The text column and the target, which must be two.
Result<std::string> find_text(const Spec& spec, const table::Table& raw) {
  if (raw.find(spec.target) == nullptr)
    return raw.column(spec.target)
        .error()
        .at(fmt::format("the target column is not in {}; set data.target", spec.source.path));
  if (spec.text.empty()) return infer_text_column(raw, spec.target);
  if (raw.find(spec.text) == nullptr)
    return raw.column(spec.text).error().at(
        fmt::format("the text column is not in {}; set data.features.text", spec.source.path));
  return spec.text;
}

void note_columns(const Spec& spec, const table::Table& raw, const std::string& text,
                  const RunContext& context) {
  const auto schema = raw.schema();
  std::string columns;
  for (std::size_t i = 0; i < std::min(schema.size(), kColumnsNoted); ++i)
    columns +=
        fmt::format("{}{} ({})", i == 0 ? "" : ", ", schema[i].name, table::column_type_name(schema[i].type));
  if (schema.size() > kColumnsNoted) columns += fmt::format(" and {} more", schema.size() - kColumnsNoted);
  context.progress.noted("data", fmt::format("columns: {}; text: {}, target: {}", columns, text, spec.target),
                         {{"columns", schema_json(raw)}, {"text", text}, {"target", spec.target}});
}

void warn_of_lost_rows(const data::ImportReport& imported, const data::CleanReport& cleaned,
                       const RunContext& context) {
  if (cleaned.contradictions > 0)
    context.progress.warned(fmt::format(
        "{} rows have the same text but different targets and were dropped (SHA-1 of the first: {})",
        cleaned.contradictions, fmt::join(cleaned.contradiction_samples, ", ")));
  if (cleaned.rare_classes > 0)
    context.progress.warned(fmt::format("{} rows of classes with fewer than {} rows were dropped",
                                        cleaned.rare_classes, data::kClassRowsMin));
  if (imported.skipped_count > 0)
    context.progress.warned(
        fmt::format("{} files were skipped: {}", imported.skipped_count, fmt::join(imported.skipped, "; ")));
}

Result<Json> make_dataset(const Spec& spec, const RunContext& context, std::string& summary) {
  data::ImportReport imported;
  AMAS_TRY(const table::Table raw, import_rows(spec, context, imported));
  AMAS_TRY(const std::string text, find_text(spec, raw));
  note_columns(spec, raw, text, context);
  data::CleanReport cleaned;
  AMAS_TRY(table::Table table, data::clean(raw, {spec.target, {text}, spec.drop_duplicates}, cleaned));
  // From here on no target is missing, no text stands twice and no two equal texts carry different targets.
  AMAS_TRY(table, data::learnable_classes(std::move(table), spec.target, spec.drop_rare_classes, cleaned));
  warn_of_lost_rows(imported, cleaned, context);
  AMAS_TRY(data::Split split, data::split_rows(table, {text}, spec.target, spec.split));
  AMAS_CHECK(data::check_training_classes(table, spec.target, split));
  // From here on every class has rows to train on, and the test rows are touched by no fitted step.
  Json result{{"text", text},
              {"rows", table.rows()},
              {"training", split.training.size()},
              {"validation", split.validation.size()},
              {"test", split.test.size()},
              {"columns", schema_json(table)},
              {"classes", class_counts(table, spec.target)},
              {"source_digest", imported.source_digest},
              {"import", report_json(imported)},
              {"clean", report_json(cleaned)}};
  AMAS_TRY(result["profile"], context.store.put_blob(dump_json(data::profile_table(table))));
  const data::Dataset dataset{std::move(table), std::move(split)};
  AMAS_TRY(result["dataset"], context.store.put_blob(data::to_bytes(dataset)));
  summary = fmt::format("{} of {} rows in {} file{}: {}; train {}, valid {}, test {}", cleaned.rows_after,
                        cleaned.rows_before, imported.files, imported.files == 1 ? "" : "s",
                        data::dropped_text(cleaned), dataset.split.training.size(),
                        dataset.split.validation.size(), dataset.split.test.size());
  return result;
}

}  // namespace

Result<Json> cached_step(const RunContext& context, const std::string& step, const Json& inputs,
                         const IsKept& is_kept,
                         const std::function<Result<Json>(std::string& summary)>& body) {
  const Clock& clock = system_clock();
  const std::int64_t begin_us = clock.steady_us();
  const std::string key =
      crypto::sha256_hex(dump_json({{"step", step}, {"format", kStepFormat}, {"inputs", inputs}}));
  context.progress.started(step);
  AMAS_TRY(const auto record, context.store.find_step(key));
  if (record && is_kept(record->result)) {
    context.progress.finished(step, record->result.value("summary", ""), true, 0);
    return record->result;
  }
  if (record)
    context.progress.warned(step + ": done anew, since what it had made is missing or damaged in the home");
  std::string summary;
  auto result = body(summary);
  ::malloc_trim(0);  // A step's tables and tensors are gone; training needs the room.
  if (!result) return result.error().at(step);
  (*result)["summary"] = summary;
  AMAS_CHECK(context.store.put_step({key, step, *result, clock.now_us()}));
  context.progress.finished(step, summary, false, static_cast<double>(clock.steady_us() - begin_us) / 1e6);
  return std::move(*result);
}

IsKept are_kept(const store::Store& store, std::vector<std::string> keys) {
  return [&store, keys = std::move(keys)](const Json& result) {
    return std::ranges::all_of(keys, [&](const std::string& key) {
      const Json digest = result.value(key, Json());
      return digest.is_string() && store.check_blob(digest.get<std::string>()).has_value();
    });
  };
}

Result<std::shared_ptr<const data::Dataset>> LazyDataset::get() {
  const std::scoped_lock lock(mutex_);
  if (auto shared = dataset_.lock()) return shared;
  AMAS_TRY(const std::string bytes, store_.get_blob(digest_));
  AMAS_TRY(data::Dataset dataset, data::dataset_from_bytes(bytes));
  auto shared = std::make_shared<const data::Dataset>(std::move(dataset));
  dataset_ = shared;
  return shared;
}

Result<Json> data_step(const Spec& spec, const RunContext& context) {
  AMAS_TRY(const std::string source_digest, data::source_digest(spec.source));
  const Json inputs{{"source_digest", source_digest},
                    {"format", spec.source.format},
                    {"labels", spec.source.labels},
                    {"target", spec.target},
                    {"text", spec.text},
                    {"duplicates", spec.drop_duplicates},
                    {"rare_classes", spec.drop_rare_classes},
                    {"split",
                     {{"by", spec.split.by},
                      {"on", spec.split.on},
                      {"valid", spec.split.validation},
                      {"test", spec.split.test},
                      {"seed", spec.split.seed}}}};
  return cached_step(context, "data", inputs, are_kept(context.store, {"dataset", "profile"}),
                     [&](std::string& summary) { return make_dataset(spec, context, summary); });
}

}  // namespace amas::pipeline
