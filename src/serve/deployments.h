#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/threads.h"
#include "serve/live_version.h"
#include "serve/service.h"

namespace amas::serve {

/// A deployment as requests see it. Never changed once others can see it: a new one takes its place.
struct Deployed {
  WantedDeployment wanted;
  std::int64_t default_version = 0;                ///< as wanted, or what serves in its place
  std::vector<std::shared_ptr<LiveVersion>> live;  ///< answer requests
  std::vector<VersionStatus> absent;               ///< wanted, and loading or failed
  std::map<std::string, std::int64_t> labels;      ///< of versions that answer

  /// The version that answers.
  ///
  /// Errors: kUnavailable while it loads, or when it could not be loaded for want of memory; kInternal when
  /// it
  ///         could not be loaded for another reason, which trying again soon does not mend; kNotFound or, for
  ///         a label, kInvalidArgument, listing those that there are.
  Result<std::shared_ptr<LiveVersion>> find(std::string_view name, const VersionChoice& version) const;

  /// Moves the labels that are wanted to their versions, if those answer, and drops those of versions that no
  /// longer do, or that are wanted nowhere.
  void move_labels();

  /// What became of each version that is wanted, in that order.
  std::vector<VersionStatus> wanted_states() const;

 private:
  Error no_such_label(std::string_view name, const std::string& label) const;
};

/// All deployments by name.
using Snapshot = std::map<std::string, Deployed, std::less<>>;

/// Keeps what is served as it is wanted: loads on its own thread, makes a version visible once it is warm,
/// and lets go of the older ones when their successor serves. What could not be loaded is tried again, after
/// longer and longer times. Threads: safe to use from several at once.
class Deployments {
 public:
  Deployments(engine::Engine& engine, const Surroundings& around);
  /// Stops loading; what is being loaded is waited for.
  ~Deployments();

  /// As ModelService::set_deployments.
  void set(std::vector<WantedDeployment> wanted);
  /// As ModelService::wait_until_settled.
  void wait_until_settled();
  /// What is there now.
  std::shared_ptr<const Snapshot> snapshot() const;
  /// Versions of a deployment that still answer their last requests.
  std::vector<VersionStatus> unloading(std::string_view name) const;
  /// Lets go of everything.
  void clear();

 private:
  void work(const std::stop_token& stop);
  void reconcile(const std::vector<WantedDeployment>& wanted, const std::stop_token& stop);
  void retry(const std::stop_token& stop);
  bool has_failures() const;
  void bring_up(const WantedDeployment& wanted, const std::stop_token& stop);
  Result<std::shared_ptr<LiveVersion>> load(const LiveVersion::Origin& origin, const VersionStatus& before);
  void publish(const std::string& name, std::optional<Deployed> deployed);
  void let_go(const std::string& name, const std::vector<std::shared_ptr<LiveVersion>>& before,
              const std::vector<std::shared_ptr<LiveVersion>>& after);

  engine::Engine& engine_;
  const Surroundings around_;
  Guarded<std::shared_ptr<const Snapshot>> snapshot_;
  Guarded<std::vector<std::weak_ptr<LiveVersion>>> leaving_;
  std::mutex mutex_;  // guards the next three
  std::condition_variable_any changed_;
  std::optional<std::vector<WantedDeployment>> wanted_;
  bool working_ = false;
  std::jthread thread_;
};

}  // namespace amas::serve
