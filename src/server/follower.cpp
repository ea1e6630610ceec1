#include "server/follower.h"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"
#include "base/threads.h"

namespace amas::server {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);

/// The folder of a model's version, or one that says by its name why there is none.
Result<std::filesystem::path> folder_of(const store::Store& store, const std::string& model,
                                        std::int64_t version) {
  AMAS_TRY(const auto versions, store.models(model));
  for (const store::ModelVersion& each : versions) {
    if (each.version != version) continue;
    const auto folder = store.package_folder(each.digest);
    return folder ? *folder : store.home() / "packages" / each.digest;
  }
  return store.home() / "packages" / ("no version " + std::to_string(version) + " of " + model);
}

}  // namespace

Result<std::vector<serve::WantedDeployment>> wanted_deployments(const store::Store& store) {
  AMAS_TRY(const auto deployments, store.deployments());
  std::vector<serve::WantedDeployment> wanted;
  for (const store::Deployment& deployment : deployments) {
    wanted.push_back({deployment.name, {}, deployment.tenants});
    for (const store::DeploymentTarget& target : deployment.targets) {
      AMAS_TRY(auto folder, folder_of(store, deployment.model, target.version));
      wanted.back().versions.push_back({target.version, std::move(folder), target.variant});
    }
  }
  return wanted;
}

DeploymentFollower::DeploymentFollower(const store::Store& store, serve::ModelService& service)
    : store_(store), service_(service) {}

Status DeploymentFollower::follow_once() {
  // The generation is read first: a change in between is then seen again, not lost.
  AMAS_TRY(const std::int64_t generation, store_.deployments_generation());
  if (generation_ == generation) return {};
  AMAS_TRY(auto wanted, wanted_deployments(store_));
  log::info("deployments_changed", {{"generation", generation}, {"deployments", wanted.size()}});
  service_.set_deployments(std::move(wanted));
  generation_ = generation;
  return {};
}

void DeploymentFollower::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void DeploymentFollower::work(const std::stop_token& stop) {
  name_this_thread("follow");
  std::mutex mutex;
  std::condition_variable_any never;
  bool failed = false;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, kInterval, [] { return false; });
    }
    const auto status = follow_once();
    if (!status && !failed) log::warn("deployments_unreadable", {{"error", status.error().message}});
    failed = !status;
  }
}

}  // namespace amas::server
