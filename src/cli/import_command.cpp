#include <fmt/format.h>

#include "api/tfs/predict.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/session.h"
#include "cli/tensor_question.h"
#include "convert/import.h"
#include "pipeline/kept_package.h"
#include "pipeline/spec.h"

namespace amas::cli {
namespace {

struct ImportCommand {
  std::string path;
  std::string name;
  std::vector<std::string> labels;
  std::string labels_file;
  std::string rows;
};

// One label a line; an empty line at the end counts for nothing.
Result<std::vector<std::string>> read_labels(const std::string& file) {
  AMAS_TRY(const std::string text, read_file(file, limits::kSpecBytesMax));
  if (!is_utf8(text)) return invalid_argument(fmt::format("labels are not UTF-8: {}", printable(file)));
  std::vector<std::string> labels;
  for (const std::string_view line : split_at(text, '\n')) labels.emplace_back(trim(line));
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  if (labels.empty()) return invalid_argument(fmt::format("there are no labels in {}", printable(file)));
  return labels;
}

Status check_labels(const std::vector<std::string>& labels) {
  if (labels.size() > limits::kClassesMax)
    return invalid_argument(
        fmt::format("there are more labels than allowed: {} > {}", labels.size(), limits::kClassesMax));
  std::vector<std::string> sorted = labels;
  std::ranges::sort(sorted);
  if (const auto twice = std::ranges::adjacent_find(sorted); twice != sorted.end())
    return invalid_argument(fmt::format("a label stands twice: \"{}\"", printable(*twice)));
  return {};
}

// Rows in the form of a predict request: {"instances": […]} or {"inputs": {…}}.
convert::ReadRows rows_of(const std::string& file) {
  if (file.empty()) return {};
  return [file](const model::Signature& signature) -> Result<std::vector<Tensor>> {
    AMAS_TRY(const std::string text, read_file(file, limits::kDocumentBytesMax));
    auto question = tfs::decode_predict(
        text, [&](std::string_view) { return Result<const model::Signature*>(&signature); });
    if (!question) return question.error().at(printable(file));
    std::vector<Tensor> rows;
    for (NamedTensor& input : question->inputs) rows.push_back(std::move(input.tensor));
    return rows;
  };
}

Result<convert::ImportOptions> options_of(const ImportCommand& command) {
  convert::ImportOptions options{.path = command.path, .name = command.name, .labels = command.labels};
  if (options.name.empty()) options.name = convert::name_for(options.path);
  if (const Status good = pipeline::check_name(options.name); !good)
    return good.error().at("name the model with --name");
  if (!command.labels_file.empty()) {
    AMAS_TRY(options.labels, read_labels(command.labels_file));
  }
  AMAS_CHECK(check_labels(options.labels));
  options.read_rows = rows_of(command.rows);
  return options;
}

const store::Measurement* measurement_of(const convert::Imported& imported, const std::string& variant) {
  for (const store::Measurement& one : imported.measured)
    if (one.variant == variant) return &one;
  return nullptr;
}

std::string variants_text(const convert::Imported& imported, const std::string& best) {
  std::vector<std::vector<std::string>> rows{
      {"VARIANT", "ENGINE", "P50", "P99", "FILE", "MEMORY", "DIFFERENCE", ""}};
  const auto latency = [](double us) { return fmt::format("{:.0f} µs", us); };
  for (const model::Variant& variant : imported.manifest.variants) {
    const store::Measurement* cost = measurement_of(imported, variant.name);
    const Json difference = variant.details.value("largest_difference", Json());
    rows.push_back({variant.name, pipeline::engine_of(variant), cost ? latency(cost->latency_p50_us) : "-",
                    cost ? latency(cost->latency_p99_us) : "-",
                    format_bytes(static_cast<double>(variant.bytes)),
                    cost ? format_bytes(cost->memory_bytes) : "-",
                    difference.is_number() ? fmt::format("{:.1e}", difference.get<double>()) : "-",
                    variant.name == best ? "served by default"
                    : variant.allowed    ? ""
                                         : "too far off"});
  }
  return format_table(rows);
}

std::string next_text(const convert::Imported& imported) {
  return fmt::format(
      "\nNext:\n  amas deploy {0}\n  amas predict {0} --json-input {1}\n  amas model show {0}\n",
      imported.version.model, question_form(imported.manifest.signatures.at("serving_default")));
}

Json document_of(const convert::Imported& imported, const std::string& best) {
  Json variants = Json::array();
  for (const model::Variant& variant : imported.manifest.variants) {
    Json row{{"name", variant.name},           {"engine", pipeline::engine_of(variant)},
             {"precision", variant.precision}, {"bytes", variant.bytes},
             {"allowed", variant.allowed},     {"details", variant.details}};
    if (const store::Measurement* cost = measurement_of(imported, variant.name)) {
      row["p50_us"] = cost->latency_p50_us;
      row["p99_us"] = cost->latency_p99_us;
      row["memory_bytes"] = cost->memory_bytes;
    }
    variants.push_back(std::move(row));
  }
  const auto specs = [](const std::vector<engine::TensorSpec>& list) {
    Json all = Json::array();
    for (const auto& spec : list)
      all.push_back({{"name", spec.name}, {"dtype", dtype_name(spec.dtype)}, {"shape", spec.shape}});
    return all;
  };
  const auto& signature = imported.manifest.signatures.at("serving_default");
  return {{"model", imported.version.model},
          {"version", imported.version.version},
          {"digest", imported.version.digest},
          {"origin", imported.origin},
          {"was_there", imported.was_there},
          {"task", imported.manifest.task},
          {"labels", imported.manifest.labels},
          {"has_rows", imported.manifest.has_rows},
          {"inputs", specs(signature.inputs)},
          {"outputs", specs(signature.outputs)},
          {"variants", std::move(variants)},
          {"best", best},
          {"notes", imported.notes}};
}

Status import(Session& session, const ImportCommand& command) {
  AMAS_TRY(const convert::ImportOptions options, options_of(command));
  AMAS_TRY(engine::EngineSet * engines, session.engine());
  std::error_code code;
  if (!std::filesystem::exists(options.path, code))
    return not_found(fmt::format("there is no such file or folder: {}", printable(command.path)));
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const convert::Imported imported, convert::import_model(options, *store, *engines));
  const std::string best = pipeline::best_variant(imported.manifest, imported.measured);
  if (session.json) {
    Session::print(document_of(imported, best));
    return {};
  }
  const auto& version = imported.version;
  std::string text = fmt::format("{} version {}: {} from {}{}\n\n", coloured(printable(version.model), "1"),
                                 version.version, imported.manifest.task, imported.origin,
                                 imported.was_there ? ", as it was imported before" : "");
  text += signature_text(imported.manifest.signatures.at("serving_default")) + "\n";
  text += variants_text(imported, best);
  for (const std::string& note : imported.notes) text += wrap_lines("! " + printable(note) + "\n", 2);
  print_text(text + next_text(imported));
  return {};
}

}  // namespace

void add_import_command(CLI::App& model, Session& session, Action& action) {
  auto options = std::make_shared<ImportCommand>();
  CLI::App* command =
      model.add_subcommand("import", "Register a model that was made elsewhere, tried on every engine");
  command->add_option("path", options->path, "Its file or folder: ONNX, XGBoost (JSON, UBJ), LightGBM (text)")
      ->required()
      ->type_name("PATH");
  command->add_option("--name", options->name, "Name of the model [the file's]")->type_name("NAME");
  const auto labels = command
                          ->add_option("--labels", options->labels,
                                       "Classes, in the order of the scores' columns, parted by commas")
                          ->delimiter(',')
                          ->type_name("A,B");
  command->add_option("--labels-file", options->labels_file, "The same, one a line")
      ->type_name("FILE")
      ->excludes(labels);
  command
      ->add_option("--rows", options->rows,
                   "Rows to judge engines by, as a predict request: {\"instances\": […]}")
      ->type_name("FILE");
  command->footer(
      "Examples:\n  amas model import resnet.onnx --labels-file classes.txt\n  amas model import exported/ "
      "--name churn --rows rows.json\n\nThe model is tried on every engine that takes it, on rows that are "
      "made up and on\nthose of --rows; the quickest that answers as ONNX Runtime does is served by "
      "default.");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return import(session, *options); }; });
}

}  // namespace amas::cli
