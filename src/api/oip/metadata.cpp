#include "api/oip/metadata.h"

#include <fmt/format.h>

#include "api/oip/datatype.h"
#include "base/limits.h"

namespace amas::oip {
namespace {

constexpr std::string_view kDefault = "serving_default";

const model::Signature& default_signature(const model::Manifest& manifest) {
  static const model::Signature kNone;
  const auto found = manifest.signatures.find(std::string(kDefault));
  return found == manifest.signatures.end() ? kNone : found->second;
}

Json tensors_document(const std::vector<engine::TensorSpec>& specs) {
  Json tensors = Json::array();
  for (const engine::TensorSpec& spec : specs)
    tensors.push_back({{"name", spec.name}, {"datatype", datatype_name(spec.dtype)}, {"shape", spec.shape}});
  return tensors;
}

// Triton's configuration leaves the batch dimension out, and calls BYTES a string.
Json config_tensors(const std::vector<engine::TensorSpec>& specs) {
  Json tensors = Json::array();
  for (const engine::TensorSpec& spec : specs) {
    const std::string_view type = spec.dtype == DType::kString ? "STRING" : datatype_name(spec.dtype);
    const Shape dims(spec.shape.begin() + (spec.shape.empty() ? 0 : 1), spec.shape.end());
    tensors.push_back({{"name", spec.name},
                       {"data_type", fmt::format("TYPE_{}", type)},
                       {"dims", dims.empty() ? Json::array({1}) : Json(dims)}});
    if (dims.empty()) tensors.back()["reshape"] = {{"shape", Json::array()}};
  }
  return tensors;
}

Json duration_document(const serve::Duration& duration) {
  constexpr std::uint64_t kNanoseconds = 1'000;
  return {{"count", duration.count}, {"ns", duration.us * kNanoseconds}};
}

// Encoding happens behind the model's time: it is counted, and takes nothing.
serve::Duration only_count(const serve::Duration& duration) { return {duration.count, 0}; }

Json batches_document(const serve::Statistics& statistics) {
  Json batches = Json::array();
  for (const auto& [rows, batch] : statistics.batches)
    batches.push_back({{"batch_size", rows},
                       {"compute_input", duration_document(batch.features)},
                       {"compute_infer", duration_document(batch.engine)},
                       {"compute_output", duration_document(only_count(batch.engine))}});
  return batches;
}

}  // namespace

Json statistics_document(const std::vector<serve::VersionStatistics>& all) {
  constexpr std::int64_t kMicroseconds = 1'000;
  Json models = Json::array();
  for (const auto& [deployment, version, statistics] : all)
    models.push_back({{"name", deployment},
                      {"version", fmt::to_string(version)},
                      {"last_inference", statistics.last_us / kMicroseconds},
                      {"inference_count", statistics.rows},
                      {"execution_count", statistics.runs()},
                      {"inference_stats",
                       {{"success", duration_document(statistics.success)},
                        {"fail", duration_document(statistics.fail)},
                        {"queue", duration_document(statistics.queue)},
                        {"compute_input", duration_document(statistics.features)},
                        {"compute_infer", duration_document(statistics.engine)},
                        {"compute_output", duration_document(only_count(statistics.engine))},
                        {"cache_hit", duration_document({})},
                        {"cache_miss", duration_document({})}}},
                      {"response_stats", Json::object()},
                      {"batch_stats", batches_document(statistics)},
                      {"memory_usage", Json::array()}});
  return {{"model_stats", std::move(models)}};
}

Json server_document() {
  return {{"name", "amas"},
          {"version", AMAS_VERSION},
          {"extensions",
           {"classification", "model_configuration", "binary_tensor_data", "parameters", "statistics"}}};
}

Json model_document(std::string_view model, const std::vector<std::int64_t>& versions,
                    const model::Manifest& manifest) {
  const model::Signature& signature = default_signature(manifest);
  Json names = Json::array();
  for (const std::int64_t version : versions) names.push_back(fmt::to_string(version));
  return {{"name", model},
          {"versions", std::move(names)},
          {"platform", "amas"},
          {"inputs", tensors_document(signature.inputs)},
          {"outputs", tensors_document(signature.outputs)}};
}

Json config_document(std::string_view model, const model::Manifest& manifest) {
  const model::Signature& signature = default_signature(manifest);
  return {{"name", model},
          {"platform", ""},
          {"backend", "amas"},
          {"max_batch_size", limits::kRequestRowsMax},
          {"input", config_tensors(signature.inputs)},
          {"output", config_tensors(signature.outputs)},
          {"dynamic_batching", Json::object()}};
}

Json index_document(const std::vector<serve::DeploymentStatus>& all, bool only_ready) {
  Json index = Json::array();
  for (const serve::DeploymentStatus& deployment : all)
    for (const serve::VersionStatus& version : deployment.versions) {
      const bool ready = version.state == serve::VersionState::kAvailable;
      if (only_ready && !ready) continue;
      const bool unloading = version.state == serve::VersionState::kUnloading;
      const bool loading = version.state == serve::VersionState::kLoading;
      Json entry{{"name", deployment.name},
                 {"version", fmt::to_string(version.version)},
                 {"state", ready       ? "READY"
                           : unloading ? "UNLOADING"
                           : loading   ? "LOADING"
                                       : "UNAVAILABLE"}};
      if (version.state == serve::VersionState::kFailed) entry["reason"] = version.error.message;
      index.push_back(std::move(entry));
    }
  return index;
}

}  // namespace amas::oip
