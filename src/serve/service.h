#pragma once

#include <cstdint>
#include <functional>
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
  Error error{Code::kUnknown, ""};  ///< why, when kFailed
};

/// What there is to know about a deployment.
struct DeploymentStatus {
  std::string name;
  std::int64_t default_version = 0;
  std::vector<VersionStatus> versions;
};

/// A version that is to be served.
struct WantedVersion {
  std::int64_t version = 0;
  std::filesystem::path package;  ///< folder
  std::string variant;            ///< of the package's manifest
};

/// A deployment that is to be served; its first version is the default.
struct WantedDeployment {
  std::string name;
  std::vector<WantedVersion> versions;
  std::vector<std::string> tenants;
};

/// Bounds of the service.
struct ServiceOptions {
  std::size_t compute_threads = 1;     ///< run features and engines
  std::size_t queue_rows_max = 4'096;  ///< rows that may wait for one version; beyond it requests are refused
  std::size_t batch_rows_max = 64;     ///< rows run together
  std::int64_t deadline_us = 30'000'000;  ///< for requests that bring none
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
  /// behind. A version that fails to load leaves the deployment's older versions serving.
  void set_deployments(std::vector<WantedDeployment> wanted);
  /// Waits until nothing is loading any more.
  void wait_until_settled();

  /// Asks a model.
  ///
  /// Errors (through the callback): kNotFound for a model, version or signature that is not there (lists what
  /// is);
  ///         kPermissionDenied when the deployment is not for this tenant; kInvalidArgument for inputs that
  ///         do not fit the signature; kUnavailable while its first version loads or when stopping;
  ///         kResourceExhausted when the queue is full; kDeadlineExceeded.
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
  /// The manifest of a version (none: the default one); borrowed for as long as the pointer is held.
  ///
  /// Errors: kNotFound; kUnavailable while loading.
  Result<std::shared_ptr<const model::Manifest>> manifest(std::string_view name,
                                                          std::optional<std::int64_t> version,
                                                          std::int64_t* actual_version = nullptr) const;
  /// Whether every deployment has its default version available.
  bool ready() const;
  /// Refuses new requests from now on (kUnavailable), and lets those that wait be answered.
  void drain();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace amas::serve
