#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/engine.h"
#include "features/pipeline.h"
#include "model/package.h"
#include "serve/request.h"
#include "serve/statistics.h"
#include "telemetry/metrics.h"

namespace amas::serve {

/// Hears what was asked and answered, to watch for drift and anomalies. Called on compute threads; must be
/// quick.
class TrafficObserver {
 public:
  virtual ~TrafficObserver() = default;
  /// A version of a deployment has become visible; `profile` is its reference.
  virtual void on_loaded(const std::string& deployment, std::int64_t version, const model::Profile& profile,
                         const std::vector<std::string>& labels) = 0;
  /// It has been unloaded.
  virtual void on_unloaded(const std::string& deployment, std::int64_t version) = 0;
  /// Rows were answered. `observed` is empty for the signature "tensors"; `scores` is row-major [rows,
  /// classes].
  virtual void on_rows(const std::string& deployment, std::int64_t version,
                       std::span<const features::TextObservation> observed, std::span<const float> scores,
                       std::size_t classes) = 0;
  /// A request ended.
  virtual void on_request(const std::string& deployment, std::int64_t version, Code code, bool ok,
                          std::int64_t latency_us) = 0;
};

/// State of a version, named as TensorFlow Serving names them.
enum class VersionState { kLoading, kAvailable, kUnloading, kFailed };

/// One version of a deployment, as the dialects report it.
struct VersionStatus {
  std::int64_t version = 0;
  VersionState state = VersionState::kLoading;
  Error error{Code::kUnknown, ""};  ///< why, when kFailed, as clients may hear it
  std::string variant{};
  std::string story{};  ///< why, when kFailed, in full; for the operator alone: it names paths
};

/// What there is to know about a deployment.
struct DeploymentStatus {
  std::string name;
  std::int64_t default_version = 0;
  std::vector<VersionStatus> versions;  ///< that are there or are to be, by number
  std::vector<VersionStatus> wanted{};  ///< that are to be served, the default first: what became of each
  std::map<std::string, std::int64_t> labels{};  ///< label → the version that answers under it
  std::int64_t generation = 0;                   ///< of what is wanted, once the loader has taken it up
};

/// Statistics of one version of a deployment.
struct VersionStatistics {
  std::string deployment;
  std::int64_t version = 0;
  Statistics statistics;
};

/// Whether the service can answer for all its deployments.
enum class Health {
  kReady,    ///< every deployment's default version answers
  kLoading,  ///< one loads for the first time
  kFailed,   ///< one could not be loaded, and no older version answers in its place; it is tried again
};

/// A version that is to be served. Its labels move to it once it answers.
struct WantedVersion {
  std::int64_t version = 0;
  std::filesystem::path package;      ///< folder
  std::string variant;                ///< of the package's manifest
  std::string digest{};               ///< that the package must have; empty: any
  std::vector<std::string> labels{};  ///< names for it; no other version of the deployment has them
  bool operator==(const WantedVersion&) const = default;
};

/// A deployment that is to be served; its first version is the default.
struct WantedDeployment {
  std::string name;
  std::vector<WantedVersion> versions;
  std::vector<std::string> tenants;
  std::int64_t generation = 0;  ///< grows with each change; told again in DeploymentStatus
  bool operator==(const WantedDeployment&) const = default;
};

/// Bounds of the service.
struct ServiceOptions {
  std::size_t compute_threads = 1;        ///< run features and engines
  std::size_t queue_rows_max = 4'096;     ///< once so many rows wait for one version, requests are refused
  std::size_t batch_rows_max = 64;        ///< rows run together
  std::int64_t deadline_us = 30'000'000;  ///< for requests that bring none
  /// What could not be loaded is tried again after the first of these times, then after twice as long each
  /// time, up to the last: a package may be mended on disk.
  std::int64_t retry_first_us = 1'000'000;
  std::int64_t retry_max_us = 60'000'000;
};

/// Serves deployments. infer() hands over to compute threads and returns at once; a batch is what waits when
/// a compute thread becomes free, so a lone request is never delayed. Loading happens on its own thread; a
/// version is visible only once it has answered a warm-up row, and the old one is freed after its last
/// request. Threads: safe to use from several at once.
class ModelService {
 public:
  ModelService(engine::Engine& engine, ServiceOptions options, telemetry::MetricRegistry& metrics,
               TrafficObserver& observer, const Clock& clock = system_clock());
  /// Answers everything that waits, then stops.
  ~ModelService();

  /// Sets what is to be served, whole; what is not in `wanted` is unloaded. Returns at once; loading goes on
  /// behind. A version that fails to load leaves the deployment's older versions serving, and is tried again.
  void set_deployments(std::vector<WantedDeployment> wanted);
  /// Waits until nothing is loading any more; what failed counts as settled.
  void wait_until_settled();

  /// Asks a model.
  ///
  /// Errors (through the callback): kNotFound for a model, version or signature that is not there (lists what
  /// is);
  ///         kPermissionDenied when the deployment is not for this tenant; kInvalidArgument for inputs that
  ///         do not fit the signature; kUnavailable while its first version loads or when stopping; kInternal
  ///         when it could not be loaded, or the engine fails;
  ///         kResourceExhausted when the queue is full; kDeadlineExceeded; kCancelled
  ///         when the request was given up while it waited.
  void infer(InferRequest request, InferCallback callback);

  /// Runs a task on a compute thread, for work that would hold up an I/O thread, such as decoding a large
  /// body (above 64 KiB). The task must not throw. Returns false, without running it, when too many tasks
  /// wait or the service is stopping: answer kResourceExhausted.
  [[nodiscard]] bool run_on_compute(std::function<void()> task);

  /// All deployments by name.
  std::vector<DeploymentStatus> deployments() const;
  /// One deployment.
  ///
  /// Errors: kNotFound listing what is there.
  Result<DeploymentStatus> deployment(std::string_view name) const;
  /// What each version that answers has done since it was loaded: of one deployment and version, or of all.
  ///
  /// Errors: kNotFound.
  Result<std::vector<VersionStatistics>> statistics(std::string_view name = {},
                                                    const VersionChoice& version = {}) const;
  /// The manifest of a version (none: the default one); borrowed for as long as the pointer is held.
  ///
  /// Errors: kNotFound; kUnavailable while loading; kInternal when it could not be loaded.
  Result<std::shared_ptr<const model::Manifest>> manifest(std::string_view name, const VersionChoice& version,
                                                          std::int64_t* actual_version = nullptr) const;
  /// Whether every deployment has its default version available, and if not, why.
  Health health() const;
  /// Whether that is kReady.
  bool ready() const { return health() == Health::kReady; }
  /// Refuses new requests from now on (kUnavailable), and lets those that wait be answered.
  void drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amas::serve
