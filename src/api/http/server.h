#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "telemetry/metrics.h"

namespace amas::http {

/// A request as handlers see it; borrowed for the handler call and until the reply is given (from then on
/// nothing of it may be touched, by a callback either: copy what outlives that).
struct Request {
  std::string_view method;  ///< "GET", "POST", …; a HEAD comes as "GET", and the server leaves the body away
  std::string_view path;    ///< percent-encoded, without the query
  std::string_view query;
  std::string_view body;                                          ///< decompressed
  std::function<std::string_view(std::string_view name)> header;  ///< value of a header, "" when missing
  std::string request_id;                                         ///< of X-Request-Id, or made
  std::string trace_id;                                           ///< 32 hex digits: of traceparent, or made
  std::string span_id;                                            ///< 16 hex digits: ours
  /// Becomes true when the client has reset its connection, so that nobody hears the reply; null: never. A
  /// client that has only ended its own direction still waits.
  std::shared_ptr<const std::atomic<bool>> gone;
};

/// Names and values of a reply's headers.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// The reply to one request. The server adds Content-Length, X-Request-Id, traceparent (where the request had
/// one), Connection, and Retry-After with 429 and 503, unless coming again soon does not help.
struct Response {
  int status = 200;
  std::string_view content_type = "application/json";  ///< a constant
  std::string body;
  Headers headers;
  bool retry_helps = true;
};

/// Sends the reply; to be called exactly once, from any thread. A reply that is dropped without a call gives
/// 500.
using Reply = std::function<void(Response)>;

/// Answers requests; runs on an I/O thread and must not compute or throw: hand over and reply later.
using Handler = std::function<void(const Request&, Reply)>;

/// {"error": message} with this status.
Response error_response(int status, std::string_view message);

/// 405 with the methods that are known at this path, such as "GET, HEAD", in the header Allow.
Response method_not_allowed(std::string_view allowed);

/// Routes by method and path. First match wins, in the order of adding.
class Router {
 public:
  /// Looks at method and path; returns false, leaving the reply alone, to let the next route try.
  using Route = std::function<bool(const Request&, Reply&)>;
  /// Adds a route.
  void add(Route route) { routes_.push_back(std::move(route)); }
  /// Handles a request; 404 in amas's form when no route takes it.
  void handle(const Request& request, Reply reply) const;

 private:
  std::vector<Route> routes_;
};

/// Where and how to listen, and the bounds on what comes in.
struct ServerOptions {
  std::string address = "127.0.0.1";  ///< loopback only, until there are keys and TLS
  std::uint16_t port = 0;             ///< 0: any free one
  std::size_t io_threads = 1;
  std::size_t header_bytes_max = limits::kRequestHeaderBytesMax;  ///< beyond it 431
  std::size_t body_bytes_max = limits::kRequestBodyBytesMax;      ///< after decompression; beyond it 413
  std::size_t connections_max = limits::kConnectionsMax;          ///< beyond it 503 and closed
  std::int64_t idle_timeout_us = 75'000'000;                      ///< between requests; then closed
  std::int64_t request_timeout_us = 60'000'000;  ///< from a request's first byte to its last; beyond it 408
  std::int64_t write_timeout_us = 60'000'000;    ///< for a client that does not take its reply; then closed
  /// Runs decompression away from I/O threads; false when it is too busy (the client gets 503). Empty: it is
  /// done on the I/O thread.
  std::function<bool(std::function<void()>)> run_on_compute;
};

/// The HTTP/1.1 server: keep-alive, pipelining in order (one request of a connection at a time), Expect,
/// chunked, gzip and deflate bodies, limits on every size, time-outs. What it refuses by itself is answered
/// in the form {"error":…}.
class Server {
 public:
  /// Begins to listen.
  ///
  /// Errors: kInvalidArgument for an address that is not loopback; kUnavailable when the port is taken (says
  /// what to do).
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler,
                                               telemetry::MetricRegistry& metrics);
  /// Stops at once; replies that come later are dropped.
  ~Server();
  /// The port that it listens on.
  std::uint16_t port() const;
  /// Stops listening, answers what is in flight or comes within 0.2 s, closes each connection behind its
  /// reply (idle ones then), and returns when all are closed or `timeout_us` has passed.
  void drain(std::int64_t timeout_us);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace amas::http
