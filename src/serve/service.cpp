#include "serve/service.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>

#include "base/text.h"
#include "serve/deployments.h"
#include "serve/scheduler.h"

namespace amas::serve {
namespace {

Error no_such_model(const Snapshot& snapshot, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [each, deployed] : snapshot) known.push_back(each);
  const std::string_view shown = cut_utf8(name, limits::kModelNameBytesMax);
  const auto meant = nearest(shown, known);
  return not_found(fmt::format(
      "no such model: {}; {}there {}", shown, meant ? "did you mean " + *meant + "? " : "",
      known.empty() ? "is none yet; deploy one" : fmt::format("are: {}", fmt::join(known, ", "))));
}

Result<const Deployed*> find(const Snapshot& snapshot, std::string_view name) {
  const auto at = snapshot.find(name);
  if (at == snapshot.end()) return no_such_model(snapshot, name);
  return &at->second;
}

ServiceOptions at_least_one_of_each(ServiceOptions options) {
  options.compute_threads = std::max<std::size_t>(options.compute_threads, 1);
  options.batch_rows_max = std::max<std::size_t>(options.batch_rows_max, 1);
  return options;
}

Scheduler::Options scheduler_options(const ServiceOptions& options) {
  return {.threads = options.compute_threads,
          .batch_rows_max = options.batch_rows_max,
          .queue_rows_max = options.queue_rows_max};
}

}  // namespace

struct ModelService::State {
  State(engine::Engine& engine, const ServiceOptions& service_options, telemetry::MetricRegistry& metrics,
        TrafficObserver& observer, const Clock& clock)
      : options(at_least_one_of_each(service_options)),
        around{options, metrics, observer, clock},
        deployments(engine, around),
        scheduler(scheduler_options(options)) {}

  DeploymentStatus status(const std::string& name, const Deployed& deployed) const {
    DeploymentStatus status{.name = name,
                            .default_version = deployed.default_version,
                            .versions = {},
                            .wanted = deployed.wanted_states(),
                            .labels = deployed.labels,
                            .generation = deployed.wanted.generation};
    const auto add = [&](const VersionStatus& one) {
      if (std::ranges::find(status.versions, one.version, &VersionStatus::version) == status.versions.end())
        status.versions.push_back(one);
    };
    // What answers comes first: a number may also be loading anew or have failed to.
    for (const auto& live : deployed.live) add(live->status(VersionState::kAvailable));
    for (const VersionStatus& each : deployed.absent) add(each);
    for (const VersionStatus& each : deployments.unloading(name)) add(each);
    std::ranges::sort(status.versions, {}, &VersionStatus::version);
    return status;
  }

  /// The version that a request is for.
  Result<std::shared_ptr<LiveVersion>> route(const InferRequest& request) {
    if (stopping.load(std::memory_order_relaxed))
      return lost("", unavailable("the server is stopping; retry elsewhere"));
    const auto snapshot = deployments.snapshot();
    const auto deployed = find(*snapshot, request.model);
    if (!deployed) return lost("", deployed.error());
    const auto& tenants = (*deployed)->wanted.tenants;
    if (std::ranges::find(tenants, request.tenant) == tenants.end())
      return lost(request.model,
                  Error{Code::kPermissionDenied,
                        fmt::format("model is not deployed for this tenant: {}; deploy it for tenant {}",
                                    request.model, request.tenant)});
    auto live = (*deployed)->find(request.model, request.version);
    if (!live) return lost(request.model, live.error());
    return live;
  }

  Error lost(const std::string& model, Error error) {
    RequestMetrics::count_lost(around.metrics, model, error.code);
    return error;
  }

  const ServiceOptions options;
  const Surroundings around;
  std::atomic<bool> stopping{false};
  Deployments deployments;
  Scheduler scheduler;  ///< ends first: its last batches need all of the above
};

ModelService::ModelService(engine::Engine& engine, ServiceOptions options, telemetry::MetricRegistry& metrics,
                           TrafficObserver& observer, const Clock& clock)
    : state_(std::make_unique<State>(engine, options, metrics, observer, clock)) {}

ModelService::~ModelService() { drain(); }

void ModelService::set_deployments(std::vector<WantedDeployment> wanted) {
  state_->deployments.set(std::move(wanted));
}

void ModelService::wait_until_settled() { state_->deployments.wait_until_settled(); }

void ModelService::infer(InferRequest request, InferCallback callback) {
  const std::int64_t now_us = state_->around.clock.steady_us();
  const auto live = state_->route(request);
  if (!live) return callback(live.error());
  if (request.deadline_us == 0) request.deadline_us = now_us + state_->options.deadline_us;
  auto pending = (*live)->admit(request);
  if (!pending) {
    (*live)->refuse(request, pending.error(), now_us);
    return callback(pending.error());
  }
  const std::int64_t rows = (*pending)->rows;
  (*pending)->callback = std::move(callback);
  (*pending)->admitted_us = now_us;
  (*live)->count_waiting(rows);
  if (const auto queued = state_->scheduler.enqueue(*live, *pending); !queued) {
    (*live)->count_waiting(-rows);
    (*live)->refuse((*pending)->request, queued.error(), now_us);
    return (*pending)->callback(queued.error());
  }
}

bool ModelService::run_on_compute(std::function<void()> task) {
  if (state_->stopping.load(std::memory_order_relaxed)) return false;
  return state_->scheduler.run(std::move(task));
}

std::vector<DeploymentStatus> ModelService::deployments() const {
  const auto snapshot = state_->deployments.snapshot();
  std::vector<DeploymentStatus> all;
  for (const auto& [name, deployed] : *snapshot) all.push_back(state_->status(name, deployed));
  return all;
}

Result<DeploymentStatus> ModelService::deployment(std::string_view name) const {
  const auto snapshot = state_->deployments.snapshot();
  AMAS_TRY(const Deployed* deployed, find(*snapshot, name));
  return state_->status(std::string(name), *deployed);
}

Result<std::vector<VersionStatistics>> ModelService::statistics(std::string_view name,
                                                                const VersionChoice& version) const {
  const auto snapshot = state_->deployments.snapshot();
  std::vector<VersionStatistics> all;
  const auto add = [&](const std::string& deployment, const LiveVersion& live) {
    all.push_back({deployment, live.origin().version, live.statistics()});
  };
  if (name.empty()) {
    for (const auto& [deployment, deployed] : *snapshot)
      for (const auto& live : deployed.live) add(deployment, *live);
    return all;
  }
  AMAS_TRY(const Deployed* deployed, find(*snapshot, name));
  if (version.number || !version.label.empty()) {
    AMAS_TRY(const auto live, deployed->find(name, version));
    add(std::string(name), *live);
  } else {
    for (const auto& live : deployed->live) add(std::string(name), *live);
  }
  return all;
}

Result<std::shared_ptr<const model::Manifest>> ModelService::manifest(std::string_view name,
                                                                      const VersionChoice& version,
                                                                      std::int64_t* actual_version) const {
  const auto snapshot = state_->deployments.snapshot();
  AMAS_TRY(const Deployed* deployed, find(*snapshot, name));
  AMAS_TRY(const auto live, deployed->find(name, version));
  if (actual_version != nullptr) *actual_version = live->origin().version;
  return live->servable().shared_manifest();
}

Health ModelService::health() const {
  const auto snapshot = state_->deployments.snapshot();
  Health health = Health::kReady;
  for (const auto& [name, deployed] : *snapshot) {
    if (deployed.find(name, {})) continue;
    const auto status = std::ranges::find(deployed.absent, deployed.default_version, &VersionStatus::version);
    if (status == deployed.absent.end() || status->state == VersionState::kFailed) return Health::kFailed;
    health = Health::kLoading;
  }
  return health;
}

void ModelService::drain() { state_->stopping.store(true, std::memory_order_relaxed); }

}  // namespace amas::serve
