#include "model/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

namespace amas::model {
namespace {

constexpr std::array<std::string_view, 4> kTasks{"binary_classification", "multiclass_classification",
                                                 "regression", "inference"};

Json specs_to_json(const std::vector<engine::TensorSpec>& specs) {
  Json list = Json::array();
  for (const auto& spec : specs) {
    list.push_back({{"name", spec.name}, {"dtype", dtype_name(spec.dtype)}, {"shape", spec.shape}});
    if (spec.range) list.back()["range"] = {spec.range->low, spec.range->high};
  }
  return list;
}

Json signatures_to_json(const Manifest& manifest) {
  Json all = Json::object();
  for (const auto& [name, signature] : manifest.signatures)
    all[name] = {{"inputs", specs_to_json(signature.inputs)}, {"outputs", specs_to_json(signature.outputs)}};
  return all;
}

Json variants_to_json(const Manifest& manifest) {
  Json list = Json::array();
  for (const auto& variant : manifest.variants)
    list.push_back({{"name", variant.name},
                    {"file", variant.file},
                    {"bytes", variant.bytes},
                    {"engine", variant.engine},
                    {"precision", variant.precision},
                    {"metrics", variant.metrics},
                    {"accuracy_drop", variant.accuracy_drop},
                    {"allowed", variant.allowed},
                    {"details", variant.details}});
  return list;
}

Json metrics_to_json(const Manifest& manifest) {
  Json all = Json::object();
  for (const auto& [name, metric] : manifest.metrics)
    all[name] = {{"value", metric.value}, {"low", metric.low}, {"high", metric.high}};
  return all;
}

Json lineage_to_json(const Lineage& lineage) {
  Json json{{"source", lineage.source},
            {"source_digest", lineage.source_digest},
            {"dataset_digest", lineage.dataset_digest},
            {"spec_digest", lineage.spec_digest},
            {"parent", lineage.parent},
            {"seed", lineage.seed},
            {"amas_version", lineage.amas_version},
            {"libraries", lineage.libraries}};
  if (lineage.refit)
    json["refit"] = {
        {"rows", lineage.refit->rows}, {"digest", lineage.refit->digest}, {"chosen", lineage.refit->chosen}};
  return json;
}

/// A number, or NaN for the null that a number which is not finite is written as.
Result<double> number(const Json& object, std::string_view key) {
  if (object.is_object() && object.contains(key) && object[std::string(key)].is_null())
    return std::numeric_limits<double>::quiet_NaN();
  return json_field<double>(object, key);
}

Result<Json> object_field(const Json& document, std::string_view key) {
  AMAS_TRY(Json value, json_field<Json>(document, key));
  if (!value.is_object()) return invalid_argument(fmt::format("JSON value must be an object: \"{}\"", key));
  return value;
}

template <class T>
Result<std::map<std::string, T>> map_field(const Json& document, std::string_view key) {
  AMAS_TRY(const Json object, object_field(document, key));
  std::map<std::string, T> all;
  for (const auto& [name, value] : object.items()) {
    if constexpr (std::same_as<T, double>) {
      AMAS_TRY(all[name], number(object, name));
    } else {
      AMAS_TRY(all[name], json_field<T>(object, name));
    }
  }
  return all;
}

/// The range of an input; none where it has no such key.
Result<std::optional<engine::ValueRange>> read_range(const Json& entry, std::string_view name) {
  if (!entry.contains("range")) return std::nullopt;
  AMAS_TRY(const auto ends, json_array<std::int64_t>(entry, "range"));
  if (ends.size() != 2 || ends[0] > ends[1])
    return invalid_argument(
        fmt::format("JSON value must be the smallest and the largest value: \"range\" of {}", name));
  return engine::ValueRange{ends[0], ends[1]};
}

Result<std::vector<engine::TensorSpec>> read_specs(const Json& signature, std::string_view key) {
  AMAS_TRY(const auto list, json_array<Json>(signature, key));
  std::vector<engine::TensorSpec> specs;
  for (const Json& entry : list) {
    engine::TensorSpec spec;
    AMAS_TRY(spec.name, json_field<std::string>(entry, "name"));
    AMAS_TRY(const auto dtype, json_field<std::string>(entry, "dtype"));
    AMAS_TRY(spec.dtype, dtype_from_name(dtype));
    AMAS_TRY(const auto shape, json_array<std::int64_t>(entry, "shape"));
    spec.shape = Shape(shape.begin(), shape.end());
    for (const std::int64_t size : spec.shape)
      if (size < -1)
        return invalid_argument(fmt::format("JSON value is out of range: \"shape\" of {}", spec.name));
    AMAS_TRY(spec.range, read_range(entry, spec.name));
    specs.push_back(std::move(spec));
  }
  return specs;
}

Result<std::map<std::string, Signature>> read_signatures(const Json& document) {
  AMAS_TRY(const Json object, object_field(document, "signatures"));
  std::map<std::string, Signature> signatures;
  for (const auto& [name, value] : object.items()) {
    Signature signature;
    AMAS_TRY(signature.inputs, read_specs(value, "inputs"));
    AMAS_TRY(signature.outputs, read_specs(value, "outputs"));
    signatures[name] = std::move(signature);
  }
  return signatures;
}

Result<Variant> read_variant(const Json& entry) {
  Variant variant;
  AMAS_TRY(variant.name, json_field<std::string>(entry, "name"));
  AMAS_TRY(variant.file, json_field<std::string>(entry, "file"));
  AMAS_TRY(variant.bytes, json_field<std::uint64_t>(entry, "bytes"));
  AMAS_TRY(variant.engine, json_field_or<std::string>(entry, "engine", ""));
  AMAS_TRY(variant.precision, json_field_or<std::string>(entry, "precision", ""));
  AMAS_TRY(variant.metrics, map_field<double>(entry, "metrics"));
  AMAS_TRY(variant.accuracy_drop, number(entry, "accuracy_drop"));
  AMAS_TRY(variant.allowed, json_field<bool>(entry, "allowed"));
  AMAS_TRY(variant.details, object_field(entry, "details"));
  return variant;
}

Result<std::map<std::string, Metric>> read_metrics(const Json& document) {
  AMAS_TRY(const Json object, object_field(document, "metrics"));
  std::map<std::string, Metric> metrics;
  for (const auto& [name, value] : object.items()) {
    Metric metric;
    AMAS_TRY(metric.value, number(value, "value"));
    AMAS_TRY(metric.low, number(value, "low"));
    AMAS_TRY(metric.high, number(value, "high"));
    metrics[name] = metric;
  }
  return metrics;
}

Result<std::optional<Refit>> read_refit(const Json& lineage) {
  if (!lineage.contains("refit")) return std::optional<Refit>();
  AMAS_TRY(const Json object, object_field(lineage, "refit"));
  Refit refit;
  AMAS_TRY(refit.rows, json_field<std::uint64_t>(object, "rows"));
  AMAS_TRY(refit.digest, json_field<std::string>(object, "digest"));
  AMAS_TRY(refit.chosen, object_field(object, "chosen"));
  return std::optional(std::move(refit));
}

Result<Lineage> read_lineage(const Json& document) {
  AMAS_TRY(const Json object, object_field(document, "lineage"));
  Lineage lineage;
  AMAS_TRY(lineage.source, json_field<std::string>(object, "source"));
  AMAS_TRY(lineage.source_digest, json_field<std::string>(object, "source_digest"));
  AMAS_TRY(lineage.dataset_digest, json_field<std::string>(object, "dataset_digest"));
  AMAS_TRY(lineage.spec_digest, json_field<std::string>(object, "spec_digest"));
  AMAS_TRY(lineage.parent, json_field<std::string>(object, "parent"));
  AMAS_TRY(lineage.seed, json_field<std::uint64_t>(object, "seed"));
  AMAS_TRY(lineage.amas_version, json_field<std::string>(object, "amas_version"));
  AMAS_TRY(lineage.libraries, map_field<std::string>(object, "libraries"));
  AMAS_TRY(lineage.refit, read_refit(object));
  return lineage;
}

bool is_digest(std::string_view text) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 64 && std::ranges::all_of(text, hexadecimal);
}

Status check_files(const Manifest& manifest) {
  for (const auto& [name, digest] : manifest.files) {
    if (!is_plain_file_name(name) || name == "model.json")
      return invalid_argument(fmt::format("model.json lists a file name that is not allowed: \"{}\"", name));
    if (!is_digest(digest))
      return invalid_argument(
          fmt::format("model.json lists a digest that is no SHA-256: \"files\" of {}", name));
  }
  std::set<std::string_view> names;
  for (const Variant& variant : manifest.variants) {
    if (!manifest.files.contains(variant.file))
      return invalid_argument(fmt::format("variant's file is not listed in \"files\": {}", variant.file));
    if (!names.insert(variant.name).second)
      return invalid_argument(fmt::format("two variants have the same name: {}", variant.name));
  }
  if (manifest.variants.empty() || manifest.variants[0].name != "fp32")
    return invalid_argument("\"variants\" must begin with \"fp32\"");
  return {};
}

Status check_version(const Json& document) {
  AMAS_TRY(const auto version, json_field<std::int32_t>(document, "format_version"));
  if (version > kManifestVersion)
    return invalid_argument(
        fmt::format("model.json is of a newer format: {} > {}; update amas", version, kManifestVersion));
  if (version < 1)
    return invalid_argument(fmt::format("JSON value is out of range: \"format_version\" is {}", version));
  return {};
}

}  // namespace

const Variant* Manifest::find_variant(std::string_view wanted) const {
  const auto at = std::ranges::find(variants, wanted, &Variant::name);
  return at == variants.end() ? nullptr : &*at;
}

bool is_plain_file_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 255 && name[0] != '.' && std::ranges::all_of(name, allowed);
}

std::string to_json(const Manifest& manifest) {
  const Json document = {{"format_version", kManifestVersion},
                         {"name", manifest.name},
                         {"task", manifest.task},
                         {"candidate", manifest.candidate},
                         {"settings", manifest.settings},
                         {"labels", manifest.labels},
                         {"signatures", signatures_to_json(manifest)},
                         {"variants", variants_to_json(manifest)},
                         {"metrics", metrics_to_json(manifest)},
                         {"conversion_difference", manifest.conversion_difference},
                         {"has_rows", manifest.has_rows},
                         {"files", manifest.files},
                         {"lineage", lineage_to_json(manifest.lineage)}};
  return dump_json(document, 2) + "\n";
}

Result<Manifest> manifest_from_json(std::string_view text) {
  AMAS_TRY(const Json document, parse_json(text));
  AMAS_CHECK(check_version(document));
  Manifest manifest;
  AMAS_TRY(manifest.name, json_field<std::string>(document, "name"));
  AMAS_TRY(manifest.task, json_field<std::string>(document, "task"));
  if (std::ranges::find(kTasks, manifest.task) == kTasks.end())
    return invalid_argument(
        fmt::format("unknown task: {}; known: {}", manifest.task, fmt::join(kTasks, ", ")));
  AMAS_TRY(manifest.candidate, json_field<std::string>(document, "candidate"));
  AMAS_TRY(manifest.settings, object_field(document, "settings"));
  AMAS_TRY(manifest.labels, json_array<std::string>(document, "labels"));
  AMAS_TRY(manifest.signatures, read_signatures(document));
  AMAS_TRY(const auto variants, json_array<Json>(document, "variants"));
  for (const Json& entry : variants) {
    AMAS_TRY(auto variant, read_variant(entry));
    manifest.variants.push_back(std::move(variant));
  }
  AMAS_TRY(manifest.metrics, read_metrics(document));
  AMAS_TRY(manifest.conversion_difference, number(document, "conversion_difference"));
  AMAS_TRY(manifest.has_rows, json_field_or<bool>(document, "has_rows", true));
  AMAS_TRY(manifest.files, map_field<std::string>(document, "files"));
  AMAS_TRY(manifest.lineage, read_lineage(document));
  AMAS_CHECK(check_files(manifest));
  return manifest;
}

}  // namespace amas::model
