#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "serve/service.h"
#include "store/store.h"

namespace amas::server {

/// What the store's deployments ask to be served. A target whose package is not in the store keeps its place,
/// with a folder that does not exist: loading it fails with a message, and the others are served.
///
/// Errors: those of the store.
Result<std::vector<serve::WantedDeployment>> wanted_deployments(const store::Store& store);

/// Tells the service whenever deployments change, by this process or another; looks ten times a second.
class DeploymentFollower {
 public:
  DeploymentFollower(const store::Store& store, serve::ModelService& service);

  /// Tells the service what is to be served now.
  ///
  /// Errors: those of the store; nothing has changed then. Threads: any.
  Status follow_once();
  /// Goes on in a thread of its own, until destroyed. A store that cannot be read is logged once; what is
  /// served stays.
  void start();

 private:
  void work(const std::stop_token& stop);

  const store::Store& store_;
  serve::ModelService& service_;
  std::mutex mutex_;  // guards generation_: what is told last is what was read last
  std::optional<std::int64_t> generation_;
  std::jthread thread_;
};

}  // namespace amas::server
