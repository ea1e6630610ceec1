#include "api/admin/admin.h"

namespace amas::admin {
namespace {

constexpr std::string_view kRoot = "/api/v1/";

std::string_view state_name(serve::VersionState state) {
  switch (state) {
    case serve::VersionState::kLoading:
      return "loading";
    case serve::VersionState::kAvailable:
      return "available";
    case serve::VersionState::kUnloading:
      return "unloading";
    case serve::VersionState::kFailed:
      return "failed";
  }
  return "unknown";
}

Json monitor_document(monitor::Watch& watch) {
  Json reports = Json::array();
  for (const monitor::WatchReport& report : watch.reports()) reports.push_back(monitor::to_json(report));
  return {{"reports", std::move(reports)}};
}

}  // namespace

Json version_document(const serve::VersionStatus& status) {
  Json document{
      {"version", status.version}, {"variant", status.variant}, {"state", state_name(status.state)}};
  if (status.state == serve::VersionState::kFailed)
    document["error"] = {{"code", code_name(status.error.code)}, {"message", status.error.message}};
  return document;
}

Json deployments_document(const std::vector<serve::DeploymentStatus>& all) {
  const auto list = [](const std::vector<serve::VersionStatus>& statuses) {
    Json versions = Json::array();
    for (const serve::VersionStatus& status : statuses) versions.push_back(version_document(status));
    return versions;
  };
  Json deployments = Json::array();
  for (const serve::DeploymentStatus& status : all)
    deployments.push_back({{"name", status.name},
                           {"default_version", status.default_version},
                           {"generation", status.generation},
                           {"versions", list(status.versions)},
                           {"wanted", list(status.wanted)}});
  return {{"deployments", std::move(deployments)}};
}

void add_routes(http::Router& router, serve::ModelService& service, monitor::Watch& watch) {
  router.add([&service, &watch](const http::Request& request, http::Reply& reply) {
    if (!request.path.starts_with(kRoot)) return false;
    const std::string_view what = request.path.substr(kRoot.size());
    Json document;
    if (what == "monitor") document = monitor_document(watch);
    else if (what == "deployments") document = deployments_document(service.deployments());
    else if (what == "version") document = {{"name", "amas"}, {"version", AMAS_VERSION}};
    else return false;
    if (request.method == "GET") reply({.body = dump_json(document), .headers = {}});
    else reply(http::method_not_allowed("GET, HEAD"));
    return true;
  });
}

}  // namespace amas::admin
