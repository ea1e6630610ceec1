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

}  // namespace

Json server_document() {
  return {{"name", "amas"},
          {"version", AMAS_VERSION},
          {"extensions", {"classification", "model_configuration", "binary_tensor_data", "parameters"}}};
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
