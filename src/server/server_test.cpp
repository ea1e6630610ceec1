#include "server/server.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <cmath>
#include <future>
#include <thread>

#include "api/http/server.h"
#include "api/http/test_client.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "model/onnx.h"
#include "model/package.h"
#include "server/follower.h"
#include "store/store.h"

namespace amas::server {
namespace {

using http::TestClient;

features::Pipeline pipeline() {
  const std::vector<std::string> texts{"win money now", "meeting at noon", "win a prize", "lunch at noon"};
  const table::Column text{"text", texts, {}};
  const table::Column label{"label", std::vector<std::string>{"spam", "ham", "spam", "ham"}, {}};
  auto fitted = features::Pipeline::fit({"text", "label", {{"type", "tfidf"}, {"ngrams", 1}}},
                                        *table::Table::of({text, label}));
  EXPECT_TRUE(fitted) << fitted.error().message;
  return std::move(*fitted);
}

/// A linear model that leaves the text out of account: its scores are those of `bias` alone.
std::map<std::string, std::string> package(float bias) {
  const auto fitted = pipeline();
  model::SparseLinear linear;
  linear.features = fitted.index_count();
  linear.weights.assign(static_cast<std::size_t>(linear.features), 0);
  linear.bias = {bias};
  const Tensor rows = Tensor::of_strings({2}, {"win", "noon"});
  std::vector<features::TextObservation> observed;
  const std::vector<TensorView> columns{rows};
  EXPECT_TRUE(fitted.transform(columns, &observed));
  const std::vector<float> scores{0.1F, 0.9F, 0.8F, 0.2F};
  model::Manifest manifest;
  manifest.name = "spam";
  manifest.task = "binary_classification";
  manifest.candidate = "linear";
  manifest.labels = {"ham", "spam"};
  manifest.signatures["serving_default"] = {
      {{"text", DType::kString, {-1}}},
      {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, 2}}}};
  model::Variant variant;
  variant.name = "fp32";
  variant.file = "model.onnx";
  manifest.variants.push_back(variant);
  return model::seal(manifest, {{"model.onnx", model::export_sparse_linear(linear)},
                                {"pipeline.json", fitted.to_json()},
                                {"profile.json", to_json(model::make_profile(observed, scores, 2))}});
}

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    // As in a program whose main thread calls run_server: a signal reaches nobody else.
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    store_ = std::move(*store::Store::open(folder_.path()));
  }
  void TearDown() override {
    if (running_.valid()) {
      EXPECT_TRUE(stop());
    }
  }
  std::int64_t put(float bias) {
    const auto files = package(bias);
    const std::string digest = crypto::sha256_hex(files.at("model.json"));
    EXPECT_TRUE(store_->put_package(digest, files));
    return store_->put_model("spam", digest, "run")->version;
  }
  void deploy(std::int64_t version) {
    store::Deployment deployment;
    deployment.name = deployment.model = "spam";
    deployment.targets.push_back({version, "fp32"});
    EXPECT_TRUE(store_->put_deployment(deployment));
  }
  std::uint16_t start() {
    std::promise<std::uint16_t> ready;
    auto port = ready.get_future();
    ServerOptions options;
    options.home = folder_.path();
    options.port = 0;
    options.grpc_port = 0;
    options.compute_threads = 2;
    options.on_ready = [&](const Ports& ports, const std::vector<serve::DeploymentStatus>& all) {
      deployments_ = all;
      ready.set_value(ports.http);
    };
    running_ = std::async(std::launch::async, [options] { return run_server(options); });
    return port.get();
  }
  Status stop() {
    ::kill(::getpid(), SIGTERM);
    return running_.get();
  }
  static std::string ask(TestClient& client) {
    return client.ask(http::post("/v1/models/spam:predict", R"({"instances":["win money"]})")).body;
  }

  TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::future<Status> running_;
  std::vector<serve::DeploymentStatus> deployments_;  // as the server began with them
};

TEST_F(ServerTest, serves_what_is_deployed_in_every_dialect_until_it_is_told_to_stop) {
  deploy(put(2));
  const std::uint16_t port = start();
  TestClient client(port);
  const auto answer = parse_json(ask(client));
  ASSERT_TRUE(answer);
  const Json& prediction = (*answer)["predictions"][0];
  EXPECT_EQ("spam", prediction["label"]);
  EXPECT_NEAR(1 / (1 + std::exp(-2.0)), prediction["scores"][1].get<double>(), 1e-6);
  EXPECT_EQ(R"({"status":"ready"})", client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").body);
  EXPECT_EQ(200, client.ask("GET /v2/health/ready HTTP/1.1\r\nHost: a\r\n\r\n").status);
  EXPECT_EQ(200, client.ask("GET /api/v1/deployments HTTP/1.1\r\nHost: a\r\n\r\n").status);
  EXPECT_EQ(404, client.ask("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").status);
  const auto metrics = client.ask("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ("text/plain; version=0.0.4; charset=utf-8", metrics.header("Content-Type"));
  EXPECT_TRUE(http::contains(metrics.body, R"(amas_requests_total{model="spam",version="1",code="OK"} 1)"));
  const auto announced = parse_json(*read_file(folder_.path() / "serve.json"));
  EXPECT_EQ(port, (*announced)["port"].get<int>());
  EXPECT_EQ(::getpid(), (*announced)["pid"].get<int>());
  EXPECT_TRUE(stop());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "serve.json"));
  EXPECT_FALSE(TestClient(port).connected());
  EXPECT_TRUE(http::contains(*read_file(folder_.path() / "logs" / "serve.log"), "server_stopped"));
}

TEST_F(ServerTest, follows_deployments_that_change_while_it_runs) {
  const std::uint16_t port = start();
  TestClient client(port);
  EXPECT_TRUE(http::contains(ask(client), "no such model: spam"));
  deploy(put(2));
  EXPECT_TRUE(http::eventually([&] { return bool(http::contains(ask(client), "\"spam\"")); }));
  deploy(put(-2));
  EXPECT_TRUE(http::eventually([&] {
    const std::string answer = ask(client);
    EXPECT_TRUE(http::contains(answer, "predictions"));
    return bool(http::contains(answer, "\"ham\""));
  }));
  EXPECT_TRUE(store_->remove_deployment("spam"));
  EXPECT_TRUE(http::eventually([&] { return bool(http::contains(ask(client), "no such model: spam")); }));
}

TEST_F(ServerTest, loses_no_request_when_it_is_stopped_under_load) {
  deploy(put(2));
  const std::uint16_t port = start();
  std::atomic<int> answered{0}, broken{0};
  std::vector<std::jthread> clients;
  for (int c = 0; c < 4; ++c)
    clients.emplace_back([&] {
      TestClient client(port);
      while (true) {
        const auto reply =
            client.ask(http::post("/v1/models/spam:predict", R"({"instances":["win money"]})"));
        // A connection that ends before the reply began is retried elsewhere by any client; a cut reply is
        // not.
        if (reply.status == 0) {
          if (!reply.head.empty()) ++broken;
          return;
        }
        if (reply.status != 200) ++broken;
        ++answered;
        if (reply.header("Connection") == "close") return;
      }
    });
  EXPECT_TRUE(http::eventually([&] { return answered >= 100; }));
  EXPECT_TRUE(stop());
  clients.clear();
  EXPECT_EQ(0, broken);
}

TEST_F(ServerTest, refuses_a_second_server_on_the_same_home) {
  const std::uint16_t port = start();
  const auto second = run_server({.home = folder_.path(), .port = 0, .on_ready = {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(Code::kFailedPrecondition, second.error().code);
  EXPECT_TRUE(http::contains(second.error().message, "another server has this home"));
  EXPECT_TRUE(http::contains(second.error().message, std::to_string(::getpid())));
  EXPECT_TRUE(TestClient(port).connected());
}

TEST_F(ServerTest, says_which_port_is_taken) {
  telemetry::MetricRegistry metrics;
  const auto other = http::Server::start(
      {}, [](const http::Request&, http::Reply) {}, metrics);
  ASSERT_TRUE(other);
  const auto server = run_server({.home = folder_.path(), .port = (*other)->port(), .on_ready = {}});
  ASSERT_FALSE(server);
  EXPECT_EQ(Code::kUnavailable, server.error().code);
  EXPECT_TRUE(http::contains(server.error().message, std::to_string((*other)->port())));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "serve.json"));
}

TEST_F(ServerTest, refuses_a_package_that_was_changed_until_it_is_kept_again) {
  const auto files = package(2);
  const std::string digest = crypto::sha256_hex(files.at("model.json"));
  deploy(put(2));
  std::string changed = files.at("model.json");
  changed.replace(changed.find("ham"), 3, "eam");
  ASSERT_TRUE(write_file_atomic(*store_->package_folder(digest) / "model.json", changed));
  TestClient client(start());
  EXPECT_TRUE(http::contains(ask(client), "its package is damaged or not there"));
  ASSERT_TRUE(store_->put_package(digest, files));
  EXPECT_TRUE(http::eventually([&] { return bool(http::contains(ask(client), "predictions")); }));
  EXPECT_EQ(R"({"status":"ready"})", client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").body);
}

TEST_F(ServerTest, serves_the_others_when_a_package_is_missing) {
  deploy(put(2));
  store::Deployment lost;
  lost.name = "lost";
  lost.model = "gone";
  lost.targets.push_back({7, "fp32"});
  ASSERT_TRUE(store_->put_deployment(lost));
  const auto wanted = wanted_deployments(*store_);
  ASSERT_TRUE(wanted);
  ASSERT_EQ(2u, wanted->size());
  TestClient client(start());
  EXPECT_TRUE(http::contains(ask(client), "predictions"));
  const auto health = client.ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(503, health.status);
  const Json told = *parse_json(health.body);
  EXPECT_EQ("failed", told["status"]);
  ASSERT_EQ(1u, told["models"].size());
  EXPECT_EQ("lost", told["models"][0]["name"]);
  EXPECT_EQ("failed", told["models"][0]["state"]);
  ASSERT_EQ(2u, deployments_.size());
  EXPECT_EQ(serve::VersionState::kFailed, deployments_[0].wanted[0].state);
  EXPECT_EQ(serve::VersionState::kAvailable, deployments_[1].wanted[0].state);
  const auto answer = client.ask(http::post("/v1/models/lost:predict", R"({"instances":["x"]})"));
  EXPECT_EQ(500, answer.status);
  EXPECT_TRUE(http::contains(answer.body, "its package is damaged or not there"));
  EXPECT_TRUE(http::contains(deployments_[0].wanted[0].story, "no version 7 of gone"));
}

}  // namespace
}  // namespace amas::server
