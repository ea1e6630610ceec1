#include "model/card.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "crypto/digest.h"

namespace amas::model {
namespace {

std::string number(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : "undefined"; }

/// Markdown would read these characters of a name as structure.
std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\n' || c == '\r') {
      escaped += ' ';
      continue;
    }
    if (std::string_view("\\`*_{}[]<>#|!").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string task_words(std::string_view task) {
  return task == "binary_classification"       ? "binary classification"
         : task == "multiclass_classification" ? "classification into several classes"
                                               : std::string(task);
}

void add_data(const Manifest& manifest, const DatasetFacts* facts, std::string& card) {
  const auto out = std::back_inserter(card);
  if (!manifest.is_trained()) {
    fmt::format_to(out, "\n## Data\n\nThe model was made elsewhere; what it was trained on is not known.\n");
    return;
  }
  fmt::format_to(out, "\n## Data\n\n- Source: {}\n- Source digest: `{}`\n- Dataset digest: `{}`\n",
                 plain(manifest.lineage.source), manifest.lineage.source_digest,
                 manifest.lineage.dataset_digest);
  if (facts == nullptr) return;
  fmt::format_to(out, "- Name: {}\n- Licence: {}\n", plain(facts->name),
                 facts->licence.empty() ? "unknown" : plain(facts->licence));
  fmt::format_to(out, "- Rows: {} for training, {} for validation, {} for the test\n", facts->training_rows,
                 facts->validation_rows, facts->test_rows);
  fmt::format_to(out,
                 "- Dropped rows: {} duplicates, {} contradictions, {} with empty text, {} without target, "
                 "{} of rare classes\n",
                 facts->duplicates_dropped, facts->contradictions_dropped, facts->empty_dropped,
                 facts->missing_target_dropped, facts->rare_classes_dropped);
  for (const auto& [label, rows] : facts->label_rows)
    fmt::format_to(out, "- Label {}: {} rows\n", plain(label), rows);
}

void add_metrics(const Manifest& manifest, std::string& card) {
  if (manifest.metrics.empty()) {
    card += "\n## How good it is\n\nNot known: it has not been tested on rows with known answers.\n";
    return;
  }
  card +=
      "\n## How good it is\n\nOn test rows that no fitted step has seen, with 95 % confidence intervals.\n\n";
  card += "| metric | value | interval |\n| --- | --- | --- |\n";
  for (const auto& [name, metric] : manifest.metrics)
    fmt::format_to(std::back_inserter(card), "| {} | {} | {} to {} |\n", plain(name), number(metric.value),
                   number(metric.low), number(metric.high));
}

void add_variants(const Manifest& manifest, std::string& card) {
  card += "\n## Variants\n\nAccuracy on validation rows";
  card += manifest.lineage.refit ? ", of the training that had not seen them.\n\n" : ".\n\n";
  card +=
      "| variant | file | bytes | accuracy | drop | within the limit |\n| --- | --- | --- | --- | --- | --- "
      "|\n";
  for (const Variant& variant : manifest.variants) {
    const auto accuracy = variant.metrics.find("accuracy");
    fmt::format_to(std::back_inserter(card), "| {} | {} | {} | {} | {} | {} |\n", plain(variant.name),
                   plain(variant.file), variant.bytes,
                   accuracy == variant.metrics.end() ? "unknown" : number(accuracy->second),
                   number(variant.accuracy_drop), variant.allowed ? "yes" : "no");
  }
}

void add_origin(const Manifest& manifest, std::string& card) {
  const auto out = std::back_inserter(card);
  const Lineage& lineage = manifest.lineage;
  if (manifest.is_trained())
    fmt::format_to(out, "\n## How it was made\n\n- amas {}, seed {}\n- Spec digest: `{}`\n",
                   lineage.amas_version, lineage.seed, lineage.spec_digest);
  else
    fmt::format_to(out, "\n## How it was made\n\n- Imported by amas {} from {}\n- Source digest: `{}`\n",
                   lineage.amas_version, plain(lineage.source), lineage.source_digest);
  if (!lineage.parent.empty()) fmt::format_to(out, "- Made from package `{}`\n", lineage.parent);
  if (lineage.refit)
    fmt::format_to(
        out,
        "- Judged before, served after: chosen, ranked and its variants allowed on validation rows, "
        "then trained once more on the {} training and validation rows with what was chosen: `{}`\n",
        lineage.refit->rows, dump_json(lineage.refit->chosen));
  for (const auto& [library, version] : lineage.libraries)
    fmt::format_to(out, "- {} {}\n", plain(library), plain(version));
  fmt::format_to(out, "- Settings: `{}`\n", dump_json(manifest.settings));
  fmt::format_to(out, "- Largest difference between trainer and serving engine: {}\n",
                 number(manifest.conversion_difference));
}

}  // namespace

std::string card_markdown(const Manifest& manifest, const DatasetFacts* facts) {
  std::string labels;
  for (const std::string& label : manifest.labels) labels += (labels.empty() ? "" : ", ") + plain(label);
  std::string card =
      fmt::format("# {}\n\n- Task: {}\n- Model: {}\n- Labels: {}\n", plain(manifest.name),
                  task_words(manifest.task), plain(manifest.candidate), labels.empty() ? "none" : labels);
  add_metrics(manifest, card);
  add_variants(manifest, card);
  add_data(manifest, facts, card);
  add_origin(manifest, card);
  if (!manifest.is_trained()) return card;
  card +=
      "\n## Limits\n\nThe figures hold for inputs like those above. The package's profile states what those "
      "look like; "
      "drift from it is measured while the model serves.\n";
  return card;
}

void add_cards(const Manifest& manifest, const DatasetFacts* facts, PackageFiles& files) {
  Manifest described = manifest;
  for (Variant& variant : described.variants) {
    const auto at = files.find(variant.file);
    if (at == files.end()) continue;
    described.files[variant.file] = crypto::sha256_hex(at->second);
    variant.bytes = at->second.size();
  }
  files["card.md"] = card_markdown(described, facts);
  files["card.json"] = card_cyclonedx(described, facts);
}

}  // namespace amas::model
