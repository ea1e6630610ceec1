#include "server/control.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "base/threads.h"
#include "model/package.h"
#include "pipeline/kept_package.h"

namespace amas::server {
namespace {

constexpr std::size_t kChangesMax = 64;

// What stands under a name now.
Result<std::optional<store::Deployment>> find_deployment(const store::Store& store, const std::string& name) {
  AMAS_TRY(const auto all, store.deployments());
  const auto found = std::ranges::find(all, name, &store::Deployment::name);
  return found == all.end() ? std::optional<store::Deployment>() : std::optional(*found);
}

}  // namespace

HomeControl::HomeControl(store::Store& store, serve::ModelService& service, DeploymentFollower& follower)
    : store_(store),
      service_(service),
      follower_(follower),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

HomeControl::~HomeControl() {
  thread_.request_stop();
  thread_.join();
  for (auto& [change, done] : changes_) done(unavailable("the server is stopping"));
}

Result<std::vector<std::string>> HomeControl::models() const {
  AMAS_TRY(const auto versions, store_.models());
  std::set<std::string> names;
  for (const store::ModelVersion& version : versions) names.insert(version.model);
  return std::vector<std::string>(names.begin(), names.end());
}

void HomeControl::load(const std::string& model, Done done) {
  enqueue([this, model] { return deploy_latest(model); }, std::move(done));
}

void HomeControl::unload(const std::string& name, Done done) {
  enqueue([this, name] { return remove(name); }, std::move(done));
}

void HomeControl::enqueue(Change change, Done done) {
  {
    const std::scoped_lock lock(mutex_);
    if (changes_.size() < kChangesMax) {
      changes_.emplace_back(std::move(change), std::move(done));
      wake_.notify_one();
      return;
    }
  }
  done(resource_exhausted("too many changes of deployments wait; try again"));
}

void HomeControl::work(const std::stop_token& stop) {
  name_this_thread("control");
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !changes_.empty(); })) {
    auto [change, done] = std::move(changes_.front());
    changes_.pop_front();
    lock.unlock();
    done(change());
    lock.lock();
    if (stop.stop_requested()) return;
  }
}

Status HomeControl::deploy_latest(const std::string& model) {
  AMAS_TRY(const auto versions, store_.models(model));
  if (versions.empty()) {
    AMAS_TRY(const auto known, models());
    const auto meant = nearest(cut_utf8(model, limits::kModelNameBytesMax), known);
    return not_found(fmt::format("no such model is registered: {}{}",
                                 cut_utf8(model, limits::kModelNameBytesMax),
                                 meant ? "; did you mean " + *meant + "?" : ""));
  }
  const store::ModelVersion& latest = versions.back();
  AMAS_TRY(const model::Package package, pipeline::open_package(store_, latest.digest));
  AMAS_TRY(const auto measured, store_.measurements(latest.digest));
  AMAS_TRY(const auto before, find_deployment(store_, model));
  store::Deployment deployment =
      before.value_or(store::Deployment{.name = model, .model = model, .targets = {}});
  deployment.model = model;
  deployment.targets = {{latest.version, pipeline::best_variant(package.manifest(), measured)}};
  AMAS_TRY(deployment, store_.put_deployment(deployment));
  Status settled = settle(deployment);
  if (settled) return {};
  if (before) AMAS_CHECK(store_.put_deployment(*before));
  else AMAS_CHECK(store_.remove_deployment(model));
  AMAS_CHECK(follower_.follow_once());
  return settled;
}

Status HomeControl::remove(const std::string& name) {
  AMAS_TRY(const auto before, find_deployment(store_, name));
  if (!before) return {};
  AMAS_CHECK(store_.remove_deployment(name));
  AMAS_CHECK(follower_.follow_once());
  service_.wait_until_settled();
  return {};
}

Status HomeControl::settle(const store::Deployment& deployment) {
  AMAS_CHECK(follower_.follow_once());
  service_.wait_until_settled();
  AMAS_TRY(const serve::DeploymentStatus status, service_.deployment(deployment.name));
  for (const serve::VersionStatus& version : status.wanted)
    if (version.state == serve::VersionState::kFailed)
      return invalid_argument(
          fmt::format("load failed for model '{}': version {} is at UNAVAILABLE state: {}", deployment.name,
                      version.version, version.error.message));
  return {};
}

}  // namespace amas::server
