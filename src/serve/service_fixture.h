#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <latch>
#include <map>
#include <random>
#include <thread>

#include "base/threads.h"
#include "serve/failures.h"
#include "serve/fake_engine.h"
#include "serve/service.h"

namespace amas::serve {

/// Writes down what it hears.
class Observer final : public TrafficObserver {
 public:
  /// What it heard.
  struct Heard {
    std::vector<std::string> events;
    std::size_t rows = 0;
    std::size_t observed = 0;
    std::map<std::string, int> requests;
  };
  /// Called when a version answers.
  void on_loaded(const std::string& deployment, std::int64_t version, const model::Profile& profile,
                 const std::vector<std::string>& labels) override {
    EXPECT_EQ(4u, profile.rows);
    EXPECT_EQ(2u, labels.size());
    heard.with([&](Heard& h) { h.events.push_back("loaded " + deployment + " " + std::to_string(version)); });
  }
  void on_unloaded(const std::string& deployment, std::int64_t version) override {
    heard.with(
        [&](Heard& h) { h.events.push_back("unloaded " + deployment + " " + std::to_string(version)); });
  }
  void on_rows(const std::string&, std::int64_t, std::span<const features::TextObservation> observed,
               std::span<const float> scores, std::size_t classes) override {
    heard.with([&](Heard& h) {
      h.rows += scores.size() / classes;
      h.observed += observed.size();
    });
  }
  void on_request(const std::string&, std::int64_t, Code code, bool ok, std::int64_t) override {
    heard.with([&](Heard& h) { ++h.requests[ok ? "OK" : std::string(code_name(code))]; });
  }
  Guarded<Heard> heard;
};

/// A service over the fake engine, and what it takes to ask it.
class ServiceTest : public testing::Test {
 protected:
  void make(ServiceOptions options = {}) {
    service_.reset();
    service_ = std::make_unique<ModelService>(engine_, options, metrics_, observer_, clock_);
  }
  WantedVersion version(std::int64_t number, const std::string& graph) {
    return {number, write_package(folder_.path() / (std::to_string(++packages_)), graph), "fp32"};
  }
  void deploy(const std::vector<WantedDeployment>& wanted) {
    service_->set_deployments(wanted);
    service_->wait_until_settled();
  }
  std::future<Result<InferResponse>> ask(InferRequest request) {
    auto promise = std::make_shared<std::promise<Result<InferResponse>>>();
    auto answer = promise->get_future();
    service_->infer(std::move(request),
                    [promise](Result<InferResponse> r) { promise->set_value(std::move(r)); });
    return answer;
  }
  static InferRequest texts(const std::string& model, std::vector<std::string> rows) {
    InferRequest request;
    request.model = model;
    const auto count = static_cast<std::int64_t>(rows.size());
    request.inputs.push_back({"text", Tensor::of_strings({count}, std::move(rows))});
    return request;
  }
  static InferRequest tokens(const std::string& model, std::vector<std::int32_t> values) {
    InferRequest request;
    request.model = model;
    request.signature = "tensors";
    const auto rows = static_cast<std::int64_t>(values.size() / 4);
    request.inputs.push_back({"tokens", Tensor::of<std::int32_t>({rows, 4}, values)});
    return request;
  }
  Code code_of(InferRequest request) {
    const auto answer = ask(std::move(request)).get();
    return answer ? Code{} : answer.error().code;
  }

  TemporaryFolder folder_;
  int packages_ = 0;
  ManualClock clock_;
  FakeEngine engine_;
  telemetry::MetricRegistry metrics_;
  Observer observer_;
  std::unique_ptr<ModelService> service_;
};

}  // namespace amas::serve
