#include "serve/deployments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "serve/failures.h"

namespace amas::serve {
namespace {

using Versions = std::vector<std::shared_ptr<LiveVersion>>;

std::shared_ptr<LiveVersion> find_version(const Versions& versions, std::int64_t version) {
  const auto at =
      std::ranges::find_if(versions, [&](const auto& live) { return live->origin().version == version; });
  return at == versions.end() ? nullptr : *at;
}

std::shared_ptr<LiveVersion> find_origin(const Versions& versions, const LiveVersion::Origin& origin) {
  const auto at = std::ranges::find_if(versions, [&](const auto& live) { return live->origin() == origin; });
  return at == versions.end() ? nullptr : *at;
}

LiveVersion::Origin origin_of(const WantedDeployment& wanted, const WantedVersion& version) {
  return {wanted.name, version.version, version.package, version.variant, version.digest};
}

VersionStatus status_of(std::int64_t version, const std::string& variant, VersionState state) {
  VersionStatus status;
  status.version = version;
  status.variant = variant;
  status.state = state;
  return status;
}

/// A deployment of which nothing has been loaded yet beyond what it had `before`. What failed before, and is
/// wanted unchanged, stays failed until it has been loaded.
Deployed begin_with(const WantedDeployment& wanted, const Deployed& before) {
  if (before.wanted == wanted) return before;
  Deployed deployed;
  deployed.wanted = wanted;
  deployed.live = before.live;
  deployed.labels = before.labels;
  const std::int64_t first = wanted.versions.empty() ? 0 : wanted.versions[0].version;
  deployed.default_version = before.live.empty() ? first : before.default_version;
  for (const WantedVersion& version : wanted.versions)
    if (!find_origin(before.live, origin_of(wanted, version)))
      deployed.absent.push_back(status_of(version.version, version.variant, VersionState::kLoading));
  return deployed;
}

bool has_failed(const Deployed& deployed) {
  return std::ranges::find(deployed.absent, VersionState::kFailed, &VersionStatus::state) !=
         deployed.absent.end();
}

}  // namespace

Result<std::shared_ptr<LiveVersion>> Deployed::find(std::string_view name,
                                                    const VersionChoice& version) const {
  std::int64_t number = version.number.value_or(default_version);
  if (!version.label.empty()) {
    const auto labelled = labels.find(version.label);
    if (labelled == labels.end()) return no_such_label(name, version.label);
    number = labelled->second;
  }
  if (auto live_version = find_version(live, number)) return live_version;
  for (const VersionStatus& status : absent) {
    if (status.version != number) continue;
    if (status.state == VersionState::kLoading)
      return unavailable(fmt::format("model is still loading: {} version {}; retry soon", name, number));
    // Only memory comes back by itself.
    const bool may_pass = status.error.code == Code::kResourceExhausted;
    return Error{
        may_pass ? Code::kUnavailable : Code::kInternal,
        fmt::format("model could not be loaded: {} version {}: {}", name, number, status.error.message)};
  }
  std::string known;
  for (const auto& each : live) known += (known.empty() ? "" : ", ") + std::to_string(each->origin().version);
  return not_found(fmt::format("no such version: {} of {}; there {}", number, name,
                               known.empty() ? "is none" : "are: " + known));
}

Error Deployed::no_such_label(std::string_view name, const std::string& label) const {
  std::vector<std::string> known;
  for (const auto& [each, version] : labels) known.push_back(each);
  return invalid_argument(fmt::format(
      "Unrecognized servable version label: {} of {}; there {}", cut_utf8(label, limits::kModelNameBytesMax),
      name, known.empty() ? "is none" : fmt::format("are: {}", fmt::join(known, ", "))));
}

void Deployed::move_labels() {
  std::map<std::string, std::int64_t> moved;
  for (const WantedVersion& version : wanted.versions)
    for (const std::string& label : version.labels) {
      const auto before = labels.find(label);
      if (find_version(live, version.version)) moved[label] = version.version;
      else if (before != labels.end() && find_version(live, before->second)) moved[label] = before->second;
    }
  labels = std::move(moved);
}

std::vector<VersionStatus> Deployed::wanted_states() const {
  std::vector<VersionStatus> states;
  for (const WantedVersion& version : wanted.versions) {
    const auto status = std::ranges::find(absent, version.version, &VersionStatus::version);
    if (status != absent.end()) states.push_back(*status);
    else states.push_back(status_of(version.version, version.variant, VersionState::kAvailable));
  }
  return states;
}

Deployments::Deployments(engine::Engine& engine, const Surroundings& around)
    : engine_(engine),
      around_(around),
      snapshot_(std::make_shared<const Snapshot>()),
      thread_([this](const std::stop_token& stop) { work(stop); }) {}

Deployments::~Deployments() {
  thread_.request_stop();
  thread_.join();
  clear();
}

void Deployments::set(std::vector<WantedDeployment> wanted) {
  {
    const std::scoped_lock lock(mutex_);
    // New names are known at once, so that an early request hears "loading" and not "not found".
    for (const WantedDeployment& deployment : wanted)
      if (!snapshot()->contains(deployment.name)) publish(deployment.name, begin_with(deployment, {}));
    wanted_ = std::move(wanted);
  }
  changed_.notify_all();
}

void Deployments::wait_until_settled() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !wanted_ && !working_; });
}

std::shared_ptr<const Snapshot> Deployments::snapshot() const {
  return snapshot_.with([](const auto& snapshot) { return snapshot; });
}

std::vector<VersionStatus> Deployments::unloading(std::string_view name) const {
  return leaving_.with([&](const auto& leaving) {
    std::vector<VersionStatus> versions;
    for (const auto& weak : leaving)
      if (const auto live = weak.lock(); live && live->origin().deployment == name)
        versions.push_back(live->status(VersionState::kUnloading));
    return versions;
  });
}

void Deployments::clear() {
  const auto before = snapshot();
  for (const auto& [name, deployed] : *before) {
    publish(name, std::nullopt);
    let_go(name, deployed.live, {});
  }
}

void Deployments::work(const std::stop_token& stop) {
  name_this_thread("load");
  const auto is_asked = [this] { return wanted_.has_value(); };
  std::int64_t retry_us = around_.options.retry_first_us;
  std::unique_lock lock(mutex_);
  while (true) {
    if (has_failures()) changed_.wait_for(lock, stop, std::chrono::microseconds(retry_us), is_asked);
    else changed_.wait(lock, stop, is_asked);
    if (stop.stop_requested()) return;
    const auto wanted = std::exchange(wanted_, std::nullopt);
    retry_us = wanted ? around_.options.retry_first_us : std::min(2 * retry_us, around_.options.retry_max_us);
    working_ = true;
    lock.unlock();
    if (wanted) reconcile(*wanted, stop);
    else retry(stop);
    lock.lock();
    working_ = false;
    changed_.notify_all();
  }
}

bool Deployments::has_failures() const {
  return std::ranges::any_of(*snapshot(), [](const auto& entry) { return has_failed(entry.second); });
}

void Deployments::retry(const std::stop_token& stop) {
  const auto before = snapshot();
  for (const auto& [name, deployed] : *before)
    if (has_failed(deployed)) bring_up(deployed.wanted, stop);
}

void Deployments::reconcile(const std::vector<WantedDeployment>& wanted, const std::stop_token& stop) {
  const auto before = snapshot();
  for (const auto& [name, deployed] : *before) {
    if (std::ranges::find(wanted, name, &WantedDeployment::name) != wanted.end()) continue;
    publish(name, std::nullopt);
    let_go(name, deployed.live, {});
    around_.metrics.remove("model", name);
  }
  for (const WantedDeployment& deployment : wanted) bring_up(deployment, stop);
}

void Deployments::bring_up(const WantedDeployment& wanted, const std::stop_token& stop) {
  const auto snapshot_before = snapshot();
  const auto at = snapshot_before->find(wanted.name);
  const Deployed deployed_before = at == snapshot_before->end() ? Deployed() : at->second;
  const Versions& before = deployed_before.live;
  Deployed deployed = begin_with(wanted, deployed_before);
  publish(wanted.name, deployed);
  bool all_loaded = true;
  for (const WantedVersion& version : wanted.versions) {
    if (stop.stop_requested()) return;
    const LiveVersion::Origin origin = origin_of(wanted, version);
    if (!find_origin(before, origin)) {
      const auto status = std::ranges::find(deployed.absent, version.version, &VersionStatus::version);
      auto loaded = load(origin, *status);
      if (!loaded) {
        all_loaded = false;
        status->state = VersionState::kFailed;
        status->error = load_failure_for_client(loaded.error().code);
        status->story = loaded.error().message;
        publish(wanted.name, deployed);
        continue;
      }
      deployed.absent.erase(status);
      // Another package or variant under the same number takes the place of the old one.
      std::erase_if(deployed.live,
                    [&](const auto& live) { return live->origin().version == version.version; });
      deployed.live.push_back(*loaded);
    }
    if (&version == &wanted.versions[0]) deployed.default_version = version.version;
    deployed.move_labels();
    publish(wanted.name, deployed);
  }
  if (all_loaded)
    std::erase_if(deployed.live, [&](const auto& live) {
      return std::ranges::find(wanted.versions, live->origin().version, &WantedVersion::version) ==
             wanted.versions.end();
    });
  deployed.move_labels();
  publish(wanted.name, deployed);
  let_go(wanted.name, before, deployed.live);
}

Result<std::shared_ptr<LiveVersion>> Deployments::load(const LiveVersion::Origin& origin,
                                                       const VersionStatus& before) {
  auto loaded = LiveVersion::load(origin, engine_, around_);
  if (loaded)
    around_.observer.on_loaded(origin.deployment, origin.version, (*loaded)->servable().profile(),
                               (*loaded)->servable().manifest().labels);
  else if (before.state != VersionState::kFailed || before.story != loaded.error().message)
    log::error("model_load_failed", {{"model", origin.deployment},
                                     {"version", origin.version},
                                     {"variant", origin.variant},
                                     {"error", loaded.error().message}});
  return loaded;
}

void Deployments::publish(const std::string& name, std::optional<Deployed> deployed) {
  std::shared_ptr<const Snapshot> old;  // freed outside the lock: the last request's version may go with it
  snapshot_.with([&](std::shared_ptr<const Snapshot>& snapshot) {
    auto next = std::make_shared<Snapshot>(*snapshot);
    if (deployed) next->insert_or_assign(name, std::move(*deployed));
    else next->erase(name);
    old = std::exchange(snapshot, std::move(next));
  });
}

void Deployments::let_go(const std::string& name, const Versions& before, const Versions& after) {
  for (const auto& live : before) {
    if (std::ranges::find(after, live) != after.end()) continue;
    const bool is_replaced = find_version(after, live->origin().version) != nullptr;
    if (!is_replaced) around_.observer.on_unloaded(name, live->origin().version);
    leaving_.with([&](auto& leaving) {
      std::erase_if(leaving, [](const auto& weak) { return weak.expired(); });
      leaving.push_back(live);
    });
  }
}

}  // namespace amas::serve
