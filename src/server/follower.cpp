#include "server/follower.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/log.h"
#include "base/threads.h"

namespace amas::server {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(100);

/// A model's version with its package's folder, or one that says by its name why there is none.
Result<serve::WantedVersion> wanted_version(const store::Store& store, const std::string& model,
                                            const store::DeploymentTarget& target) {
  AMAS_TRY(const auto versions, store.models(model));
  const auto found = std::ranges::find(versions, target.version, &store::ModelVersion::version);
  const std::string digest = found == versions.end() ? "" : found->digest;
  const std::string folder =
      digest.empty() ? "no version " + std::to_string(target.version) + " of " + model : digest;
  return serve::WantedVersion{target.version, store.home() / "packages" / folder, target.variant, digest,
                              target.labels};
}

}  // namespace

Result<std::vector<serve::WantedDeployment>> wanted_deployments(const store::Store& store) {
  AMAS_TRY(const auto deployments, store.deployments());
  std::vector<serve::WantedDeployment> wanted;
  for (const store::Deployment& deployment : deployments) {
    wanted.push_back({deployment.name, {}, deployment.tenants, deployment.generation});
    for (const store::DeploymentTarget& target : deployment.targets) {
      AMAS_TRY(wanted.back().versions.emplace_back(), wanted_version(store, deployment.model, target));
    }
  }
  return wanted;
}

DeploymentFollower::DeploymentFollower(const store::Store& store, serve::ModelService& service)
    : store_(store), service_(service) {}

Status DeploymentFollower::follow_once() {
  const std::scoped_lock lock(mutex_);
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
