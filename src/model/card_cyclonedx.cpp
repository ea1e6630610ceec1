#include <fmt/format.h>

#include <cmath>

#include "model/card.h"

namespace amas::model {
namespace {

constexpr const char* kModelReference = "model";
constexpr const char* kDatasetReference = "dataset";

Json property(std::string_view name, std::string value) {
  return {{"name", fmt::format("amas:{}", name)}, {"value", std::move(value)}};
}

Json hashes(std::string_view digest) { return Json::array({{{"alg", "SHA-256"}, {"content", digest}}}); }

/// The format has metrics as strings.
Json performance_metrics(const Manifest& manifest) {
  Json list = Json::array();
  for (const auto& [name, metric] : manifest.metrics) {
    if (!std::isfinite(metric.value)) continue;
    Json entry = {{"type", name}, {"value", fmt::format("{}", metric.value)}, {"slice", "test"}};
    if (std::isfinite(metric.low) && std::isfinite(metric.high))
      entry["confidenceInterval"] = {{"lowerBound", fmt::format("{}", metric.low)},
                                     {"upperBound", fmt::format("{}", metric.high)}};
    list.push_back(std::move(entry));
  }
  return list;
}

Json formats(const std::vector<engine::TensorSpec>& specs) {
  Json list = Json::array();
  for (const auto& spec : specs)
    list.push_back(
        {{"format", fmt::format("{}: {} {}", spec.name, dtype_name(spec.dtype), format_shape(spec.shape))}});
  return list;
}

Json model_parameters(const Manifest& manifest) {
  Json parameters = {{"task", manifest.task}, {"modelArchitecture", manifest.candidate}};
  if (manifest.is_trained()) {
    parameters["approach"] = {{"type", "supervised"}};
    parameters["datasets"] = Json::array({{{"ref", kDatasetReference}}});
  }
  if (const auto at = manifest.signatures.find("serving_default"); at != manifest.signatures.end()) {
    parameters["inputs"] = formats(at->second.inputs);
    parameters["outputs"] = formats(at->second.outputs);
  }
  return parameters;
}

Json model_component(const Manifest& manifest) {
  Json properties =
      Json::array({property("settings", dump_json(manifest.settings)),
                   property("labels", dump_json(Json(manifest.labels))),
                   property("spec_digest", manifest.lineage.spec_digest),
                   property("seed", fmt::format("{}", manifest.lineage.seed)),
                   property("conversion_difference", fmt::format("{}", manifest.conversion_difference))});
  if (const auto& refit = manifest.lineage.refit) {
    properties.push_back(property("refit:rows", fmt::format("{}", refit->rows)));
    properties.push_back(property("refit:digest", refit->digest));
    properties.push_back(property("refit:chosen", dump_json(refit->chosen)));
  }
  for (const auto& [library, version] : manifest.lineage.libraries)
    properties.push_back(property("library:" + library, version));
  Json component = {{"type", "machine-learning-model"},
                    {"bom-ref", kModelReference},
                    {"name", manifest.name},
                    {"modelCard",
                     {{"modelParameters", model_parameters(manifest)},
                      {"quantitativeAnalysis", {{"performanceMetrics", performance_metrics(manifest)}}}}},
                    {"properties", std::move(properties)}};
  if (!manifest.lineage.parent.empty())
    component["pedigree"] = {{"ancestors", Json::array({{{"type", "machine-learning-model"},
                                                         {"name", manifest.name},
                                                         {"hashes", hashes(manifest.lineage.parent)}}})}};
  return component;
}

Json variant_component(const Manifest& manifest, const Variant& variant) {
  Json component = {
      {"type", "file"},
      {"bom-ref", "file:" + variant.file},
      {"name", variant.file},
      {"properties",
       Json::array({property("variant", variant.name), property("bytes", fmt::format("{}", variant.bytes)),
                    property("accuracy_drop", fmt::format("{}", variant.accuracy_drop)),
                    property("details", dump_json(variant.details))})}};
  if (const auto at = manifest.files.find(variant.file); at != manifest.files.end())
    component["hashes"] = hashes(at->second);
  return component;
}

Json dataset_component(const Manifest& manifest, const DatasetFacts* facts) {
  const std::string name = facts == nullptr || facts->name.empty() ? manifest.lineage.source : facts->name;
  Json properties = Json::array({property("source", manifest.lineage.source),
                                 property("source_digest", manifest.lineage.source_digest)});
  if (facts != nullptr) {
    const auto add = [&](std::string_view key, std::uint64_t value) {
      properties.push_back(property(key, fmt::format("{}", value)));
    };
    add("training_rows", facts->training_rows);
    add("validation_rows", facts->validation_rows);
    add("test_rows", facts->test_rows);
    add("duplicates_dropped", facts->duplicates_dropped);
    add("contradictions_dropped", facts->contradictions_dropped);
    add("empty_dropped", facts->empty_dropped);
    add("missing_target_dropped", facts->missing_target_dropped);
    add("rare_classes_dropped", facts->rare_classes_dropped);
    for (const auto& [label, rows] : facts->label_rows) add("rows:" + label, rows);
  }
  Json component = {{"type", "data"},
                    {"bom-ref", kDatasetReference},
                    {"name", name},
                    {"data", Json::array({{{"type", "dataset"}, {"name", name}}})},
                    {"properties", std::move(properties)}};
  if (!manifest.lineage.dataset_digest.empty()) component["hashes"] = hashes(manifest.lineage.dataset_digest);
  if (facts != nullptr && !facts->licence.empty())
    component["licenses"] = Json::array({{{"license", {{"name", facts->licence}}}}});
  return component;
}

}  // namespace

std::string card_cyclonedx(const Manifest& manifest, const DatasetFacts* facts) {
  Json components = Json::array();
  Json parts = Json::array();
  if (manifest.is_trained()) {
    components.push_back(dataset_component(manifest, facts));
    parts.push_back(kDatasetReference);
  }
  for (const Variant& variant : manifest.variants) {
    components.push_back(variant_component(manifest, variant));
    parts.push_back("file:" + variant.file);
  }
  const Json tool = {{"type", "application"}, {"name", "amas"}, {"version", manifest.lineage.amas_version}};
  const Json document = {
      {"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json"},
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.6"},
      {"version", 1},
      {"metadata",
       {{"component", model_component(manifest)}, {"tools", {{"components", Json::array({tool})}}}}},
      {"components", std::move(components)},
      {"dependencies", Json::array({{{"ref", kModelReference}, {"dependsOn", std::move(parts)}}})}};
  return dump_json(document, 2) + "\n";
}

}  // namespace amas::model
