#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "serve/fake_engine.h"
#include "serve/service.h"

namespace amas::serve {

/// Hears nothing.
class DeafObserver final : public TrafficObserver {
 private:
  void on_loaded(const std::string&, std::int64_t, const model::Profile&,
                 const std::vector<std::string>&) override {}
  void on_unloaded(const std::string&, std::int64_t) override {}
  void on_rows(const std::string&, std::int64_t, std::span<const features::TextObservation>,
               std::span<const float>, std::size_t) override {}
  void on_request(const std::string&, std::int64_t, Code, bool, std::int64_t) override {}
};

/// A service over the fake engine, for tests of those who ask it.
struct FakeService {
  /// Deploys "spam", version 3, whose scores come of its words.
  void deploy_spam() {
    service.set_deployments(
        {{"spam", {{3, write_package(folder.path() / "spam", "tokens:1"), "fp32"}}, {"default"}}});
    service.wait_until_settled();
  }

  TemporaryFolder folder;
  FakeEngine engine;
  telemetry::MetricRegistry metrics;
  DeafObserver observer;
  ModelService service{engine, {}, metrics, observer};
};

}  // namespace amas::serve
