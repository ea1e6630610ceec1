#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "telemetry/metrics.h"

namespace amas::rpc {

/// A message of a call as handlers see it; borrowed for the handler call and until the reply is given (of a
/// stream: until its StreamReply is gone).
struct Request {
  std::string_view message;      ///< the encoded protobuf message
  std::int64_t deadline_us = 0;  ///< Clock::steady_us, as the client set it; 0: none
  std::string request_id;        ///< of x-request-id, or made
  std::string trace_id;          ///< 32 hex digits: of traceparent, or made
  std::string span_id;           ///< 16 hex digits: ours
  /// Becomes true when the client has given the call up.
  std::shared_ptr<const std::atomic<bool>> gone;
};

/// Answers a call with an encoded message or an error, whose code and message the client gets as they are. To
/// be called exactly once, from any thread; one that is dropped without a call gives INTERNAL.
using Reply = std::function<void(Result<std::string>)>;

/// Handles a unary call; runs on an I/O thread and must not compute or throw: hand over and reply later.
using Handler = std::function<void(const Request&, Reply)>;

/// Answers one message of a stream: any number of messages, and then it is let go, from any thread. What is
/// sent goes out in the order of the client's messages.
class StreamReply {
 public:
  virtual ~StreamReply() = default;
  /// Sends an encoded message.
  virtual void send(std::string message) = 0;
};

/// Handles one message of a bidirectional stream; as Handler. Several messages of a stream are in work at
/// once.
using StreamHandler = std::function<void(const Request&, std::shared_ptr<StreamReply>)>;

/// Handlers by method, "/package.Service/Method". An unknown method is UNIMPLEMENTED.
class Router {
 public:
  /// Adds a unary method.
  void add(std::string method, Handler handler) { unary_[std::move(method)] = std::move(handler); }
  /// Adds a bidirectional stream.
  void add_stream(std::string method, StreamHandler handler) {
    streams_[std::move(method)] = std::move(handler);
  }
  /// The handler of a method; null when there is none.
  const Handler* unary(std::string_view method) const;
  /// The same of a stream.
  const StreamHandler* stream(std::string_view method) const;
  /// The services that methods have been added of, "package.Service", sorted.
  std::vector<std::string> services() const;

 private:
  std::map<std::string, Handler, std::less<>> unary_;
  std::map<std::string, StreamHandler, std::less<>> streams_;
};

/// Where to listen, and the bounds on what comes in.
struct ServerOptions {
  std::string address = "127.0.0.1";  ///< loopback only, until there are keys and TLS
  std::uint16_t port = 0;             ///< 0: any free one
  std::size_t message_bytes_max = limits::kRequestBodyBytesMax;     ///< beyond it RESOURCE_EXHAUSTED
  std::size_t metadata_bytes_max = limits::kRequestHeaderBytesMax;  ///< of a call's headers
  std::size_t streams_max = limits::kCallsPerConnectionMax;         ///< calls of one connection at once
};

/// The gRPC server: one generic service, whose calls go to the router by name.
class Server {
 public:
  /// Begins to listen. `router` outlives the server.
  ///
  /// Errors: kInvalidArgument for an address that is not loopback; kUnavailable when the port is taken (says
  /// what to do).
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, const Router& router,
                                               telemetry::MetricRegistry& metrics);
  /// Cancels what is in flight and waits until all its handlers have replied.
  ~Server();
  /// The port that it listens on.
  std::uint16_t port() const;
  /// Stops listening and answers what is in flight; after `timeout_us` the rest is cancelled.
  void drain(std::int64_t timeout_us);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace amas::rpc
