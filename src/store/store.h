#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace amas::store {

/// One version of a model: a package under a name.
struct ModelVersion {
  std::string model;
  std::int64_t version = 0;  ///< from 1, counted per model
  std::string digest;        ///< of the package
  std::string run;           ///< id of the run that made it; empty when imported
  std::int64_t created_us = 0;
};

/// What was measured on a variant of a package on this machine; kept beside packages, which are immutable.
struct Measurement {
  std::string digest;  ///< of the package
  std::string variant;
  double latency_p50_us = 0;  ///< one row, raw text to scores, in process
  double latency_p99_us = 0;
  double memory_bytes = 0;  ///< resident memory that loading it added
  std::int64_t measured_us = 0;
};

/// One part of a deployment's traffic.
struct DeploymentTarget {
  std::int64_t version = 0;
  std::string variant = "fp32";
  std::vector<std::string> labels{};  ///< names for this version, such as "stable"; each of one target only
};

/// A name under which a model is served. The default version answers requests that name none.
struct Deployment {
  std::string name;
  std::string model;
  std::vector<DeploymentTarget> targets;  ///< loaded versions; the first is the default
  std::vector<std::string> tenants{"default"};
  std::int64_t generation = 0;  ///< grows with each change
};

/// A finished step of a run, by the digest of everything that it depends on.
struct StepRecord {
  std::string key;   ///< SHA-256 over inputs and settings
  std::string step;  ///< "import", "train:lstm", …
  Json result = Json::object();
  std::int64_t finished_us = 0;
};

/// A run of a spec.
struct RunRecord {
  std::string id;
  std::string spec_name;
  std::string state;  ///< "running", "done" or "failed"
  Json detail = Json::object();
  std::int64_t started_us = 0;
  std::int64_t finished_us = 0;
};

/// A dataset's name, version and digest.
struct DatasetRecord {
  std::string name;
  std::int64_t version = 0;  ///< from 1, counted per name; the same digest is never a second version
  std::string digest;
  Json detail = Json::object();
  std::int64_t created_us = 0;
};

/// The home directory: metadata in SQLite (home.db, WAL), contents by SHA-256 (blobs/ab/abcd…), packages as
/// folders (packages/<digest>/, hard to change by accident: read-only files), all written by rename. Several
/// processes may have the same home open.
///
/// Errors of all calls, besides those named: kResourceExhausted on a full disk; kUnavailable when another
/// process holds the database for more than 10 s; kDataLoss when it is damaged. A failed call changes
/// nothing. Threads: safe to use from several at once.
class Store {
 public:
  /// Opens a home, making it where there is none; brings an older schema up to date.
  ///
  /// Errors: kFailedPrecondition when the home was written by a newer amas.
  static Result<std::unique_ptr<Store>> open(const std::filesystem::path& home,
                                             const Clock& clock = system_clock());
  /// Opens a home that is there, only to read from it: nothing in it is changed, and write access is not
  /// needed. Calls that change something fail with kPermissionDenied.
  ///
  /// Errors: kNotFound when there is no home; kFailedPrecondition when it was written by a newer amas;
  /// kPermissionDenied when it cannot be read, or only with write access (a process that had it open was
  /// killed).
  static Result<std::unique_ptr<Store>> open_to_read(const std::filesystem::path& home,
                                                     const Clock& clock = system_clock());
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// The home's folder.
  const std::filesystem::path& home() const;

  /// Keeps bytes; returns their SHA-256. Where they are kept already but damaged, they are written anew.
  Result<std::string> put_blob(std::string_view bytes);
  /// The bytes with this SHA-256, checked.
  ///
  /// Errors: kNotFound; kDataLoss when the content no longer fits its name.
  Result<std::string> get_blob(std::string_view digest) const;
  /// Whether these bytes are kept; not whether they are still whole.
  bool has_blob(std::string_view digest) const;
  /// Reads the bytes with this SHA-256 in pieces, only to check them. Errors: those of get_blob.
  Status check_blob(std::string_view digest) const;
  /// The names of all blobs, sorted.
  Result<std::vector<std::string>> blobs() const;
  /// Where these bytes lie (whether or not they are kept), for programs that read the file themselves.
  std::filesystem::path blob_path(std::string_view digest) const;

  /// Keeps a package's files (with model.json) as a folder named by `digest`; keeping it again writes those
  /// files anew that are missing or damaged, each by rename.
  Status put_package(std::string_view digest, const std::map<std::string, std::string>& files);
  /// The folder of a package.
  ///
  /// Errors: kNotFound.
  Result<std::filesystem::path> package_folder(std::string_view digest) const;

  /// Registers a dataset; returns the version that the digest has under this name, a new one or the one it
  /// had.
  Result<DatasetRecord> put_dataset(const std::string& name, const std::string& digest, const Json& detail);
  /// All datasets, by name and version.
  Result<std::vector<DatasetRecord>> datasets() const;

  /// Registers a package as a version of a model; the same digest keeps its version.
  Result<ModelVersion> put_model(const std::string& model, const std::string& digest, const std::string& run);
  /// All versions of all models (or of one), by name and version.
  Result<std::vector<ModelVersion>> models(std::string_view model = {}) const;

  /// Keeps a measurement; a newer one of the same digest and variant takes the place of the old.
  Status put_measurement(const Measurement& measurement);
  /// Measurements of a package.
  Result<std::vector<Measurement>> measurements(std::string_view digest) const;

  /// Makes or changes a deployment; returns it with its new generation.
  Result<Deployment> put_deployment(Deployment deployment);
  /// Removes a deployment.
  ///
  /// Errors: kNotFound.
  Status remove_deployment(std::string_view name);
  /// All deployments by name.
  Result<std::vector<Deployment>> deployments() const;
  /// Grows with each change of any deployment, by any process; cheap enough to ask ten times a second.
  Result<std::int64_t> deployments_generation() const;

  /// The record of a finished step; nothing when it has not been done.
  Result<std::optional<StepRecord>> find_step(std::string_view key) const;
  /// Records a finished step.
  Status put_step(const StepRecord& record);

  /// Records or updates a run.
  Status put_run(const RunRecord& run);
  /// All runs, newest first.
  Result<std::vector<RunRecord>> runs() const;

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace amas::store
