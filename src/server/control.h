#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "engine/engine.h"
#include "serve/control.h"
#include "serve/service.h"
#include "server/follower.h"
#include "store/store.h"

namespace amas::server {

/// Deploys models of a home, one change after the other, on a thread of its own.
class HomeControl final : public serve::DeploymentControl {
 public:
  HomeControl(store::Store& store, serve::ModelService& service, DeploymentFollower& follower);
  /// Ends the change that is under way; those that wait fail.
  ~HomeControl() override;

  Result<std::vector<std::string>> models() const override;
  void load(const std::string& model, Done done) override;
  void unload(const std::string& name, Done done) override;

 private:
  using Change = std::function<Status()>;
  void enqueue(Change change, Done done);
  void work(const std::stop_token& stop);
  Status deploy_latest(const std::string& model);
  Status remove(const std::string& name);
  Status settle(const store::Deployment& deployment);

  store::Store& store_;
  serve::ModelService& service_;
  DeploymentFollower& follower_;
  std::mutex mutex_;  // guards changes_
  std::condition_variable_any wake_;
  std::deque<std::pair<Change, Done>> changes_;
  std::jthread thread_;
};

}  // namespace amas::server
