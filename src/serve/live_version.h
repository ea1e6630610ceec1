#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "serve/request_metrics.h"
#include "serve/scheduler.h"
#include "serve/service.h"
#include "serve/statistics.h"
#include "serve/version.h"

namespace amas::serve {

/// What versions need of the service around them; outlives all of them.
struct Surroundings {
  const ServiceOptions& options;
  telemetry::MetricRegistry& metrics;
  TrafficObserver& observer;
  const Clock& clock;
};

/// A version of a deployment that answers requests; lives until its last request has been answered. A failing
/// request never spoils those that it runs together with.
class LiveVersion final : public LaneOwner, public std::enable_shared_from_this<LiveVersion> {
 public:
  /// Where it comes from; the same place is not loaded twice.
  struct Origin {
    std::string deployment;
    std::int64_t version = 0;
    std::filesystem::path package;
    std::string variant;
    std::string digest;  ///< that the package must have; empty: any
    bool operator==(const Origin&) const = default;
  };

  /// Loads it and lets it answer a warm-up row.
  ///
  /// Errors: those of Package::open and ServableVersion::load; of the warm-up row, when that fails.
  static Result<std::shared_ptr<LiveVersion>> load(const Origin& origin, engine::Engine& engine,
                                                   const Surroundings& around);
  ~LiveVersion() override;

  /// Where it comes from.
  const Origin& origin() const { return origin_; }
  /// As it is reported while it is in this state.
  VersionStatus status(VersionState state) const;
  /// The package in memory.
  const ServableVersion& servable() const { return *servable_; }
  /// What it has done since it was loaded.
  Statistics statistics() const { return statistics_.read(); }

  /// Checks a request against its signature and puts its inputs in the signature's order.
  ///
  /// Errors: kNotFound for an unknown signature; kInvalidArgument for inputs that do not fit.
  Result<std::unique_ptr<Pending>> admit(InferRequest& request) const;
  /// Counts a request that was refused after this version had been found.
  void refuse(const InferRequest& request, const Error& error, std::int64_t admitted_us);
  /// Counts rows that begin to wait.
  void count_waiting(std::int64_t rows) { metrics_.queue_rows->add(static_cast<double>(rows)); }

  void run(Batch batch) override;

 private:
  LiveVersion(Origin origin, std::shared_ptr<ServableVersion> servable, const Surroundings& around);

  /// The raw columns of requests, those of several behind one another.
  struct Columns {
    std::vector<Tensor> joined;  ///< empty where a lone request's serve
    std::vector<TensorView> views;
  };
  /// Requests whose rows lie behind each other in the same tensors, ready to run.
  struct Work {
    Batch requests;
    std::vector<GraphInputs> inputs;  ///< in pieces of rows behind one another
    std::vector<features::TextObservation> observed;
    RequestTimes times;  ///< what its requests share
  };

  void run_raw(Batch batch);
  Status run_prepared(Batch& batch);
  Status run_sparse(Batch& batch);
  void run_tensors(Batch batch);
  Batch take_alike(Batch& batch) const;
  Batch take_fitting(Batch& batch) const;
  Result<Columns> columns_of(Batch& batch) const;
  Result<Work> prepare(Batch& batch) const;
  Result<Work> join(Batch& batch) const;
  void execute(Work work);
  void answer(Batch requests, std::span<const features::TextObservation> observed,
              std::vector<Tensor> outputs, RequestTimes times);
  Result<std::vector<NamedTensor>> name_outputs(bool is_raw, std::vector<Tensor> outputs,
                                                std::int64_t rows) const;
  void observe(std::span<const features::TextObservation> observed, const std::vector<NamedTensor>& outputs);
  void fail_in_engine(Batch batch, const Error& error);
  void fail(Batch batch, const Error& error);
  void finish(Pending& pending, Result<InferResponse> response, const RequestTimes& times);

  const Origin origin_;
  const std::shared_ptr<ServableVersion> servable_;
  const Surroundings around_;
  std::vector<engine::TensorSpec> raw_inputs_;
  /// Whether zeros behind a row mean nothing to the graph: so it is for TF-IDF's padding (index 0, value 0).
  const bool takes_padding_;
  RequestMetrics metrics_;
  StatisticsCounter statistics_;
};

}  // namespace amas::serve
