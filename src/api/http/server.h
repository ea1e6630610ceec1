#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "telemetry/metrics.h"

namespace amas::http {

/// A request as handlers see it; borrowed for the handler call and until the reply is sent.
struct Request {
  std::string_view method;  ///< "GET", "POST", …
  std::string_view path;    ///< percent-encoded, without the query
  std::string_view query;
  std::string_view body;    ///< decompressed
  std::function<std::string_view(std::string_view name)> header;  ///< value of a header, "" when missing
  std::string request_id;   ///< of X-Request-Id, or made
  std::string trace_id;     ///< 32 hex digits: of traceparent, or made
  std::string span_id;      ///< 16 hex digits: ours
};

/// The reply to one request.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Sends the reply; to be called exactly once, from any thread.
using Reply = std::function<void(Response)>;

/// Answers requests; runs on an I/O thread and must not compute: hand over and reply later.
using Handler = std::function<void(const Request&, Reply)>;

/// Routes by method and path. First match wins, in the order of adding.
class Router {
 public:
  /// `prefix`: the path begins with it. The handler decides the rest; it returns false to let the next one try.
  using Route = std::function<bool(const Request&, Reply&)>;
  /// Adds a route.
  void add(Route route) { routes_.push_back(std::move(route)); }
  /// Handles a request; 404 in amas's form when no route takes it.
  void handle(const Request& request, Reply reply) const;

 private:
  std::vector<Route> routes_;
};

/// Where and how to listen.
struct ServerOptions {
  std::string address = "127.0.0.1";  ///< loopback only, until there are keys and TLS
  std::uint16_t port = 0;             ///< 0: any free one
  std::size_t io_threads = 1;
};

/// The HTTP/1.1 server: keep-alive, pipelining in order, Expect, chunked and gzip bodies, limits on every size, time-outs.
class Server {
 public:
  /// Begins to listen.
  ///
  /// Errors: kInvalidArgument for an address that is not loopback; kUnavailable when the port is taken (says what to do).
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler handler,
                                               telemetry::MetricRegistry& metrics);
  /// Stops at once.
  ~Server();
  /// The port that it listens on.
  std::uint16_t port() const;
  /// Stops listening, lets requests in flight end (at most `timeout_us`), closes idle connections, returns.
  void drain(std::int64_t timeout_us);

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace amas::http
