#include "api/tfs/status.h"

#include <fmt/format.h>

#include "api/tfs/message.h"

namespace amas::tfs {
namespace {

Json tensors_document(const std::vector<engine::TensorSpec>& specs) {
  Json tensors = Json::object();
  for (const engine::TensorSpec& spec : specs) {
    Json dimensions = Json::array();
    for (const std::int64_t size : spec.shape)
      dimensions.push_back({{"size", fmt::to_string(size)}, {"name", ""}});
    tensors[spec.name] = {{"dtype", tensorflow::DataType_Name(data_type_of(spec.dtype))},
                          {"tensor_shape", {{"dim", std::move(dimensions)}, {"unknown_rank", false}}},
                          {"name", spec.name}};
  }
  return tensors;
}

bool is_ready(const serve::DeploymentStatus& status) {
  for (const serve::VersionStatus& one : status.versions)
    if (one.version == status.default_version) return one.state == serve::VersionState::kAvailable;
  return false;
}

Json openai_document(const serve::DeploymentStatus& status, std::int64_t created_s) {
  return {{"id", status.name}, {"object", "model"}, {"created", created_s}, {"owned_by", "amas"}};
}

}  // namespace

std::string_view state_name(serve::VersionState state) {
  switch (state) {
    case serve::VersionState::kLoading:
      return "LOADING";
    case serve::VersionState::kAvailable:
      return "AVAILABLE";
    case serve::VersionState::kUnloading:
      return "UNLOADING";
    case serve::VersionState::kFailed:
      return "END";
  }
  return "UNKNOWN";
}

Result<std::optional<std::int64_t>> number_of(const serve::DeploymentStatus& status,
                                              const serve::VersionChoice& choice) {
  if (choice.label.empty()) return choice.number;
  const auto found = status.labels.find(choice.label);
  if (found != status.labels.end()) return std::optional(found->second);
  return invalid_argument(
      fmt::format("Unrecognized servable version label: {} of {}", choice.label, status.name));
}

Result<Json> status_document(const serve::DeploymentStatus& status, std::optional<std::int64_t> version,
                             std::int64_t created_s) {
  Json versions = Json::array();
  for (const serve::VersionStatus& one : status.versions) {
    if (version && one.version != *version) continue;
    const bool failed = one.state == serve::VersionState::kFailed;
    const std::string_view code = failed ? code_name(one.error.code) : "OK";
    versions.push_back(
        {{"version", fmt::to_string(one.version)},
         {"state", state_name(one.state)},
         {"status", {{"error_code", code}, {"error_message", failed ? one.error.message : ""}}}});
  }
  if (version && versions.empty())
    return not_found(fmt::format("Could not find version {} of model {}", *version, status.name));
  Json document = openai_document(status, created_s);
  document["model_version_status"] = std::move(versions);
  document["name"] = status.name;
  document["ready"] = is_ready(status);
  return document;
}

Json list_document(const std::vector<serve::DeploymentStatus>& all, std::int64_t created_s) {
  Json data = Json::array();
  Json names = Json::array();
  for (const serve::DeploymentStatus& status : all) {
    data.push_back(openai_document(status, created_s));
    names.push_back(status.name);
  }
  return {{"object", "list"}, {"data", std::move(data)}, {"models", std::move(names)}};
}

Json metadata_document(std::string_view model, std::int64_t version, const model::Manifest& manifest) {
  Json signatures = Json::object();
  for (const auto& [name, signature] : manifest.signatures)
    signatures[name] = {{"inputs", tensors_document(signature.inputs)},
                        {"outputs", tensors_document(signature.outputs)},
                        {"method_name", "tensorflow/serving/predict"},
                        {"defaults", Json::object()}};
  return {{"model_spec", {{"name", model}, {"signature_name", ""}, {"version", fmt::to_string(version)}}},
          {"metadata", {{"signature_def", {{"signature_def", std::move(signatures)}}}}}};
}

}  // namespace amas::tfs
