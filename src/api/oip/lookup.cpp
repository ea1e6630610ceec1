#include "api/oip/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/json/target.h"
#include "api/oip/metadata.h"
#include "base/limits.h"
#include "base/text.h"

namespace amas::oip {

Result<std::int64_t> read_version(std::string_view text) {
  if (const auto version = json::parse_version(text)) return *version;
  return invalid_argument(
      fmt::format("failed to get model version from specified version string '{}', version should be an "
                  "integral value > 0",
                  text));
}

Result<std::shared_ptr<const model::Manifest>> find_manifest(const serve::ModelService& service,
                                                             const ModelName& name) {
  auto manifest = service.manifest(name.model, name.version);
  if (manifest || manifest.error().code != Code::kNotFound) return manifest;
  const std::string version = name.version ? fmt::format(" version {}", *name.version) : "";
  const bool known = name.version && service.deployment(name.model);
  std::vector<std::string> names;
  for (const serve::DeploymentStatus& status : service.deployments()) names.push_back(status.name);
  const auto meant = known ? std::nullopt : nearest(cut_utf8(name.model, limits::kModelNameBytesMax), names);
  return not_found(fmt::format("Request for unknown model: '{}'{} is not found{}", name.model,
                               known ? version : "", meant ? "; did you mean '" + *meant + "'?" : ""));
}

bool is_ready(const serve::ModelService& service, const ModelName& name) {
  const auto status = service.deployment(name.model);
  if (!status) return false;
  const std::int64_t version = name.version.value_or(status->default_version);
  return std::ranges::any_of(status->versions, [&](const serve::VersionStatus& one) {
    return one.version == version && one.state == serve::VersionState::kAvailable;
  });
}

Result<Json> describe_model(const serve::ModelService& service, const ModelName& name) {
  AMAS_TRY(const auto manifest, find_manifest(service, name));
  std::vector<std::int64_t> versions;
  if (name.version) versions.push_back(*name.version);
  else if (const auto status = service.deployment(name.model))
    for (const serve::VersionStatus& one : status->versions)
      if (one.state == serve::VersionState::kAvailable) versions.push_back(one.version);
  return model_document(name.model, versions, *manifest);
}

Result<Json> describe_config(const serve::ModelService& service, const ModelName& name) {
  AMAS_TRY(const auto manifest, find_manifest(service, name));
  return config_document(name.model, *manifest);
}

Result<Json> describe_index(const serve::ModelService& service, const serve::DeploymentControl* control,
                            bool only_ready) {
  const auto deployments = service.deployments();
  Json index = index_document(deployments, only_ready);
  if (control == nullptr || only_ready) return index;
  AMAS_TRY(const auto models, control->models());
  for (const std::string& model : models)
    if (std::ranges::find(deployments, model, &serve::DeploymentStatus::name) == deployments.end())
      index.push_back({{"name", model}});
  return index;
}

Error no_control() {
  return {Code::kPermissionDenied,
          "explicit model load / unload is not allowed; start the server with --model-control-mode explicit"};
}

Result<Json> describe_statistics(const serve::ModelService& service, const ModelName& name) {
  const auto all = service.statistics(name.model, name.version);
  if (all) return statistics_document(*all);
  if (name.version && service.deployment(name.model))
    return invalid_argument(
        fmt::format("requested model version is not available for model '{}'", name.model));
  return invalid_argument(fmt::format("requested model '{}' is not available", name.model));
}

}  // namespace amas::oip
