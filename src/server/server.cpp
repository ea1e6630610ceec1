#include "server/server.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>

#include "api/admin/admin.h"
#include "api/grpc/server.h"
#include "api/grpc/standard.h"
#include "api/http/server.h"
#include "api/oip/oip.h"
#include "api/tfs/tfs.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/install.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/threads.h"
#include "monitor/watch.h"
#include "serve/service.h"
#include "server/control.h"
#include "server/engines.h"
#include "server/follower.h"
#include "server/signals.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace amas::server {
namespace {

constexpr std::size_t kProcessorsPerIoThread = 8;
constexpr rlim_t kOtherFiles = 256;  // beside connections

/// Lets the watch hear the traffic of the service.
class WatchObserver final : public serve::TrafficObserver {
 public:
  explicit WatchObserver(monitor::Watch& watch) : watch_(watch) {}
  void on_loaded(const std::string& deployment, std::int64_t version, const model::Profile& profile,
                 const std::vector<std::string>& labels) override {
    watch_.add(deployment, version, profile, labels);
  }
  void on_unloaded(const std::string& deployment, std::int64_t version) override {
    watch_.remove(deployment, version);
  }
  void on_rows(const std::string& deployment, std::int64_t version,
               std::span<const features::TextObservation> observed, std::span<const float> scores,
               std::size_t classes) override {
    watch_.on_rows(deployment, version, observed, scores, classes);
  }
  void on_request(const std::string& deployment, std::int64_t version, Code code, bool ok,
                  std::int64_t latency_us) override {
    watch_.on_request(deployment, version, code, ok, latency_us);
  }

 private:
  monitor::Watch& watch_;
};

/// serve.json, for as long as this lives: how other commands find the server.
class Announcement {
 public:
  static Result<std::unique_ptr<Announcement>> write(const std::filesystem::path& home, const Ports& ports) {
    const Json document{{"pid", ::getpid()},
                        {"port", ports.http},
                        {"grpc_port", ports.grpc},
                        {"started", format_time(system_clock().now_us())}};
    AMAS_CHECK(write_file_atomic(home / "serve.json", dump_json(document) + "\n"));
    return std::unique_ptr<Announcement>(new Announcement(home / "serve.json"));
  }
  ~Announcement() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Announcement(const Announcement&) = delete;
  Announcement& operator=(const Announcement&) = delete;

 private:
  explicit Announcement(std::filesystem::path path) : path_(std::move(path)) {}
  const std::filesystem::path path_;
};

/// Each connection is a file; many systems allow 1,024 unless asked.
void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, limits::kConnectionsMax + kOtherFiles);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = wanted;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<FileLock> take_home(const std::filesystem::path& home) {
  auto lock = FileLock::take(home / "serve.lock", fmt::format("process {}", ::getpid()));
  if (!lock && lock.error().code == Code::kFailedPrecondition)
    return failed_precondition(fmt::format(
        "another server has this home: {}; stop it, or serve another home (--home)", lock.error().message));
  return lock;
}

serve::ServiceOptions service_options(const ServerOptions& options) {
  serve::ServiceOptions service;
  service.compute_threads = options.compute_threads > 0 ? options.compute_threads : processors();
  return service;
}

http::ServerOptions http_options(const ServerOptions& options, serve::ModelService& service) {
  http::ServerOptions http;
  http.port = options.port;
  http.io_threads = 1 + processors() / kProcessorsPerIoThread;
  http.run_on_compute = [&service](std::function<void()> task) {
    return service.run_on_compute(std::move(task));
  };
  return http;
}

std::string_view health_name(serve::Health health) {
  switch (health) {
    case serve::Health::kReady:
      return "ready";
    case serve::Health::kLoading:
      return "loading";
    case serve::Health::kFailed:
      return "failed";
  }
  return "failed";
}

/// {"status"}, and in "models" what is wanted and does not serve (yet).
http::Response health_response(const serve::ModelService& service) {
  const serve::Health health = service.health();
  Json document{{"status", health_name(health)}};
  for (const serve::DeploymentStatus& deployment : service.deployments())
    for (const serve::VersionStatus& version : deployment.wanted) {
      if (version.state == serve::VersionState::kAvailable) continue;
      Json model = admin::version_document(version);
      model["name"] = deployment.name;
      document["models"].push_back(std::move(model));
    }
  http::Response response{
      health == serve::Health::kReady ? 200 : 503, "application/json", dump_json(document), {}};
  response.retry_helps = health == serve::Health::kLoading;
  return response;
}

/// What belongs to no dialect: /metrics and /healthz.
void add_own_routes(http::Router& router, serve::ModelService& service, telemetry::MetricRegistry& metrics) {
  router.add([&service](const http::Request& request, http::Reply& reply) {
    if (request.path != "/healthz") return false;
    reply(request.method == "GET" ? health_response(service) : http::method_not_allowed("GET, HEAD"));
    return true;
  });
  router.add([&service, &metrics](const http::Request& request, http::Reply& reply) {
    if (request.path != "/metrics") return false;
    if (request.method != "GET") return reply(http::method_not_allowed("GET, HEAD")), true;
    const bool taken = service.run_on_compute([&metrics, reply] {
      reply({200, "text/plain; version=0.0.4; charset=utf-8", metrics.render(), {}});
    });
    if (!taken) reply(http::error_response(503, "too busy to render metrics; retry later"));
    return true;
  });
}

}  // namespace

Status run_server(const ServerOptions& options) {
  StopSignals signals;
  AMAS_TRY(const auto store, store::Store::open(options.home));
  AMAS_TRY(const FileLock lock, take_home(options.home));
  AMAS_CHECK(log::open(options.home / "logs" / "serve.log", options.log_level));
  allow_many_files();
  // From here on the home is ours.
  AMAS_TRY(const auto engine, open_engines());
  telemetry::MetricRegistry metrics;
  telemetry::register_process_metrics(metrics);
  monitor::Watch watch({}, metrics);
  metrics.before_render([&watch] { static_cast<void>(watch.reports()); });
  WatchObserver observer(watch);
  serve::ModelService service(*engine, service_options(options), metrics, observer);
  DeploymentFollower follower(*store, service);
  AMAS_CHECK(follower.follow_once());
  std::optional<HomeControl> control;
  if (options.model_control) control.emplace(*store, service, follower);
  serve::DeploymentControl* const controlled = control ? &*control : nullptr;
  http::Router router;
  add_own_routes(router, service, metrics);
  tfs::add_routes(router, service);
  oip::add_routes(router, service, controlled);
  admin::add_routes(router, service, watch);
  AMAS_TRY(const auto http, http::Server::start(
                                http_options(options, service),
                                [&router](const http::Request& request, http::Reply reply) {
                                  router.handle(request, std::move(reply));
                                },
                                metrics));
  rpc::Router methods;
  oip::add_methods(methods, service, controlled);
  tfs::add_methods(methods, service);
  rpc::add_health(methods, [&service] { return service.ready(); });
  rpc::add_reflection(methods);
  AMAS_TRY(const auto grpc, rpc::Server::start({.port = options.grpc_port}, methods, metrics));
  service.wait_until_settled();
  // From here on requests are answered, by all models that can be loaded.
  const Ports ports{http->port(), grpc->port()};
  AMAS_TRY(auto announcement, Announcement::write(options.home, ports));
  follower.start();
  log::info(
      "server_started",
      {{"port", ports.http}, {"grpc_port", ports.grpc}, {"pid", ::getpid()}, {"version", AMAS_VERSION}});
  if (options.on_ready) options.on_ready(ports, service.deployments());
  const int signal = signals.wait();
  log::info("server_stopping", {{"signal", signal}});
  announcement.reset();
  std::thread grpc_drain([&] { grpc->drain(options.drain_us); });
  http->drain(options.drain_us);
  grpc_drain.join();
  // From here on no request is in flight.
  service.drain();
  log::info("server_stopped");
  return {};
}

}  // namespace amas::server
