#include "api/tfs/status.h"

#include <fmt/format.h>

namespace amas::tfs {
namespace {

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

// TensorFlow's name of a dtype (tensorflow/core/framework/types.proto).
std::string_view dtype_name_of(DType dtype) {
  switch (dtype) {
    case DType::kBool:
      return "DT_BOOL";
    case DType::kUint8:
      return "DT_UINT8";
    case DType::kInt8:
      return "DT_INT8";
    case DType::kUint16:
      return "DT_UINT16";
    case DType::kInt16:
      return "DT_INT16";
    case DType::kUint32:
      return "DT_UINT32";
    case DType::kInt32:
      return "DT_INT32";
    case DType::kUint64:
      return "DT_UINT64";
    case DType::kInt64:
      return "DT_INT64";
    case DType::kFloat16:
      return "DT_HALF";
    case DType::kFloat32:
      return "DT_FLOAT";
    case DType::kFloat64:
      return "DT_DOUBLE";
    case DType::kString:
      return "DT_STRING";
  }
  return "DT_INVALID";
}

Json tensors_document(const std::vector<engine::TensorSpec>& specs) {
  Json tensors = Json::object();
  for (const engine::TensorSpec& spec : specs) {
    Json dimensions = Json::array();
    for (const std::int64_t size : spec.shape)
      dimensions.push_back({{"size", fmt::to_string(size)}, {"name", ""}});
    tensors[spec.name] = {{"dtype", dtype_name_of(spec.dtype)},
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
