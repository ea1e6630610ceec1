#include "api/grpc/server.h"

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <set>

#include "api/grpc/calls.h"
#include "base/log.h"

namespace amas::rpc {
namespace {

// The wire is read in pieces of this size at most; small ones cost large tensors most of their speed.
constexpr int kReadBytes = 1 << 20;
constexpr int kFrameBytes = 4 << 20;
constexpr int kLookaheadBytes = 8 << 20;
constexpr std::size_t kBuffersBytesMax = 512u << 20;  // what all connections may hold together

// What the library itself has to say goes to our log, not to the terminal.
void log_message(gpr_log_func_args* message) {
  const auto level = message->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::kWarn : log::Level::kDebug;
  if (log::enabled(level)) log::write(level, "grpc", {{"message", message->message}});
}

void log_protobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  if (log::enabled(log::Level::kDebug)) log::write(log::Level::kDebug, "protobuf", {{"message", message}});
}

class GenericService final : public grpc::CallbackGenericService {
 public:
  explicit GenericService(Shared& shared) : shared_(shared) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    return begin_call(shared_, *context);
  }

 private:
  Shared& shared_;
};

void set_bounds(grpc::ServerBuilder& builder, const ServerOptions& options) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.message_bytes_max));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options.metadata_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options.streams_max));
  builder.SetResourceQuota(grpc::ResourceQuota("amas").Resize(kBuffersBytesMax));
}

void set_speed(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kLookaheadBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kFrameBytes);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_TCP_READ_CHUNK_SIZE, kReadBytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, kReadBytes);
}

}  // namespace

struct Server::State {
  State(const Router& router, telemetry::MetricRegistry& metrics)
      : shared(router, metrics), service(shared) {}

  Shared shared;
  GenericService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;  // goes first: behind it no call is left
};

const Handler* Router::unary(std::string_view method) const {
  const auto found = unary_.find(method);
  return found == unary_.end() ? nullptr : &found->second;
}

const StreamHandler* Router::stream(std::string_view method) const {
  const auto found = streams_.find(method);
  return found == streams_.end() ? nullptr : &found->second;
}

std::vector<std::string> Router::services() const {
  std::set<std::string> names;
  const auto add = [&](const auto& handlers) {
    for (const auto& [method, handler] : handlers) names.insert(method.substr(1, method.rfind('/') - 1));
  };
  add(unary_);
  add(streams_);
  return {names.begin(), names.end()};
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
  state_->server->Shutdown(std::chrono::system_clock::now());
  state_->server->Wait();
}

std::uint16_t Server::port() const { return static_cast<std::uint16_t>(state_->port); }

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, const Router& router,
                                              telemetry::MetricRegistry& metrics) {
  if (options.address != "127.0.0.1" && options.address != "[::1]")
    return invalid_argument(
        fmt::format("address is not loopback: {}; give 127.0.0.1 or [::1]", options.address));
  gpr_set_log_function(log_message);
  google::protobuf::SetLogHandler(log_protobuf);
  auto state = std::make_unique<State>(router, metrics);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(fmt::format("{}:{}", options.address, options.port),
                           grpc::InsecureServerCredentials(), &state->port);
  builder.RegisterCallbackGenericService(&state->service);
  // Two servers on one port would share its calls between them.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  set_bounds(builder, options);
  set_speed(builder);
  state->server = builder.BuildAndStart();
  if (!state->server || state->port == 0)
    return unavailable(fmt::format(
        "gRPC port is taken: {}; stop what listens there, or choose another (--grpc-port)", options.port));
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::drain(std::int64_t timeout_us) {
  state_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::microseconds(timeout_us));
}

}  // namespace amas::rpc
