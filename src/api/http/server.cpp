#include "api/http/server.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <future>

#include "api/http/connection.h"
#include "api/http/loop.h"
#include "base/clock.h"
#include "base/log.h"

namespace amas::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kBacklog = 1'024;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

Result<asio::ip::address> loopback_address(const std::string& text) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, error);
  if (error) return invalid_argument("not an address: " + text + "; give one such as 127.0.0.1");
  if (!address.is_loopback())
    return invalid_argument("only loopback addresses are served, until there are keys and TLS: " + text +
                            "; use 127.0.0.1 or ::1");
  return address;
}

Status listen_on(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
  boost::system::error_code error;
  const auto step = [&](auto&& call) {
    if (!error) call();
  };
  step([&] { acceptor.open(endpoint.protocol(), error); });
  step([&] { acceptor.set_option(tcp::acceptor::reuse_address(true), error); });
  step([&] { acceptor.bind(endpoint, error); });
  step([&] { acceptor.listen(kBacklog, error); });
  step([&] { acceptor.non_blocking(true, error); });
  if (!error) return {};
  return unavailable(fmt::format("cannot listen on port {}: {}; stop what uses it, or choose another port",
                                 endpoint.port(), error.message()));
}

/// One acceptor hands connections to the loops in turn. With an acceptor a loop (SO_REUSEPORT) the kernel
/// spreads few connections unevenly, and a second server could take the same port unnoticed.
class Listener {
 public:
  Listener(Shared& shared, std::vector<std::shared_ptr<Loop>>& loops)
      : shared_(shared), loops_(loops), acceptor_(loops[0]->context()), pause_(loops[0]->context()) {}

  Status open(const tcp::endpoint& endpoint) { return listen_on(acceptor_, endpoint); }
  std::uint16_t port() const {
    boost::system::error_code ignored;
    return acceptor_.local_endpoint(ignored).port();
  }

  void accept_next() {
    Loop& loop = *loops_[next_++ % loops_.size()];
    acceptor_.async_accept(loop.context(),
                           [this, &loop](boost::system::error_code error, tcp::socket socket) {
                             if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
                             if (!error) loop.adopt(std::move(socket));
                             if (error && error != asio::error::connection_aborted) return accept_later();
                             accept_next();
                           });
  }

  /// Takes what has already connected, then closes. On the first loop's thread.
  void close() {
    boost::system::error_code error;
    acceptor_.cancel(error);
    while (true) {
      Loop& loop = *loops_[next_++ % loops_.size()];
      tcp::socket socket = acceptor_.accept(loop.context(), error);
      if (error) break;
      loop.adopt(std::move(socket));
    }
    abandon();
  }

  /// Closes. On the first loop's thread.
  void abandon() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

 private:
  /// Out of descriptors or memory: connections that end give some back.
  void accept_later() {
    shared_.refused->add();
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](boost::system::error_code error) {
      if (!error && acceptor_.is_open()) accept_next();
    });
  }

  Shared& shared_;
  std::vector<std::shared_ptr<Loop>>& loops_;
  std::size_t next_ = 0;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
};

}  // namespace

struct Server::State {
  State(const ServerOptions& options, Handler handler, telemetry::MetricRegistry& metrics)
      : shared(options, std::move(handler), metrics) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options.io_threads, 1); ++i)
      loops.push_back(std::make_shared<Loop>(shared, "http-" + std::to_string(i)));
    listener = std::make_unique<Listener>(shared, loops);
    for (const auto& loop : loops) loop->start();
  }
  ~State() {
    on_first_loop([this] { listener->abandon(); });
    for (const auto& loop : loops) loop->stop();
  }

  /// Runs something where the listener may be touched, and waits for it.
  void on_first_loop(const std::function<void()>& task) {
    std::promise<void> done;
    asio::post(loops[0]->context(), [&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

  Shared shared;
  std::vector<std::shared_ptr<Loop>> loops;
  std::unique_ptr<Listener> listener;  ///< goes before the loop that it runs on
  std::uint16_t port = 0;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;
std::uint16_t Server::port() const { return state_->port; }

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler handler,
                                              telemetry::MetricRegistry& metrics) {
  AMAS_TRY(const auto address, loopback_address(options.address));
  auto state = std::make_unique<State>(options, std::move(handler), metrics);
  AMAS_CHECK(state->listener->open({address, options.port}));
  state->port = state->listener->port();
  state->on_first_loop([&] { state->listener->accept_next(); });
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::drain(std::int64_t timeout_us) {
  State& state = *state_;
  state.shared.draining = true;
  // Loops hear of it in this order, so that what was accepted last is known before its loop looks for idle
  // connections.
  state.on_first_loop([&] { state.listener->close(); });
  for (const auto& loop : state.loops) loop->drain();
  if (!state.shared.wait_until_empty(timeout_us))
    log::warn("http_drain_timed_out", {{"timeout_us", timeout_us}});
}

}  // namespace amas::http
