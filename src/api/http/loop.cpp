#include "api/http/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <ctime>

#include "api/http/connection.h"
#include "base/clock.h"

namespace amas::http {
namespace {

constexpr std::int64_t kSweepUsMax = 1'000'000;
constexpr std::int64_t kSweepUsMin = 10'000;
constexpr std::int64_t kSweepUsDraining = 25'000;
constexpr std::string_view kTooManyConnections =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: "
    "54\r\nRetry-After: 1\r\n"
    "Connection: close\r\n\r\n{\"error\":\"too many connections; close some and retry\"}";

/// The Date header's form (RFC 9110, 5.6.7).
std::string http_date(std::int64_t now_us) {
  const std::time_t seconds = now_us / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

std::int64_t sweep_interval_us(const Shared& shared) {
  if (shared.draining) return kSweepUsDraining;
  const ServerOptions& options = shared.options;
  const std::int64_t shortest =
      std::min({options.idle_timeout_us, options.request_timeout_us, options.write_timeout_us});
  return std::clamp(shortest / 4, kSweepUsMin, kSweepUsMax);
}

}  // namespace

Shared::Shared(const ServerOptions& server_options, Handler request_handler,
               telemetry::MetricRegistry& registry)
    : options(server_options),
      handler(std::move(request_handler)),
      metrics(registry),
      connections(registry.gauge("amas_http_connections", "Open HTTP connections.")),
      refused(registry.counter("amas_http_connections_refused_total",
                               "Connections refused because too many were open.")),
      timeouts(registry.counter("amas_http_timeouts_total",
                                "Connections closed because the client was too slow.")) {}

bool Shared::enter() {
  if (open_.fetch_add(1) >= options.connections_max) {
    leave();
    refused->add();
    return false;
  }
  connections->add(1);
  return true;
}

void Shared::leave() {
  if (open_.fetch_sub(1) != 1) return;
  const std::scoped_lock lock(mutex_);
  empty_.notify_all();
}

bool Shared::wait_until_empty(std::int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, std::chrono::microseconds(timeout_us), [&] { return open_.load() == 0; });
}

Loop::Loop(Shared& shared, const std::string& thread_name)
    : shared_(shared),
      thread_name_(thread_name),
      bell_(context_, ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      date_(http_date(system_clock().now_us())),
      counters_(600) {}

Loop::~Loop() { stop(); }

void Loop::start() {
  arm_sweep();
  listen();
  thread_ = std::jthread([this] {
    name_this_thread(thread_name_);
    thread_id_ = std::this_thread::get_id();
    context_.run();
  });
}

void Loop::stop() {
  if (!thread_.joinable()) return;
  std::vector<Mail> dropped;
  mailbox_.with([&](Mailbox& box) {
    box.closed = true;
    dropped.swap(box.mail);
  });
  context_.stop();
  thread_.join();
  stopped_ = true;
  thread_id_ = std::thread::id();  // the system may give it to another thread
  opened_.clear();
  dropped.clear();
  while (!connections_.empty()) connections_.begin()->second->close();
  sweep_timer_.cancel();
  bell_.cancel();
  work_.reset();
  // Handlers that were cut off hold connections, which hold this loop: let them see that they were, and go.
  context_.restart();
  context_.poll();
}

void Loop::adopt(boost::asio::ip::tcp::socket socket) {
  boost::asio::post(context_, [this, socket = std::move(socket)]() mutable {
    if (stopped_) return;
    if (!shared_.enter()) {
      boost::system::error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(boost::asio::buffer(kTooManyConnections), ignored);
      socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
      return;
    }
    auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
    connections_.emplace(connection.get(), connection);
    connection->start();
  });
}

void Loop::post(Mail mail) {
  if (std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed)) {
    const auto connection = mail.connection;
    return connection->receive(std::move(mail));
  }
  const bool wake = mailbox_.with([&](Mailbox& box) {
    if (box.closed) return false;
    box.mail.push_back(std::move(mail));
    return box.mail.size() == 1;
  });
  // Between the lock and here stop() may have ended the loop's thread, not the bell: whoever posts holds a
  // connection and with it this loop. (asio::post would wake the thread while it holds the context's lock, on
  // which the thread would fall asleep again.)
  constexpr std::uint64_t kRing = 1;
  if (wake) static_cast<void>(!::write(bell_.native_handle(), &kRing, sizeof kRing));
}

void Loop::listen() {
  bell_.async_read_some(boost::asio::buffer(&rings_, sizeof rings_),
                        [this](boost::system::error_code error, std::size_t) {
                          if (error) return;
                          open_mail();
                          listen();
                        });
}

void Loop::open_mail() {
  mailbox_.with([&](Mailbox& box) { opened_.swap(box.mail); });
  for (Mail& mail : opened_) {
    const auto connection = std::move(mail.connection);
    connection->receive(std::move(mail));
  }
  opened_.clear();
}

void Loop::drain() {
  boost::asio::post(context_, [this] {
    for (const auto& connection : open_connections()) connection->drain();
    arm_sweep();
  });
}

void Loop::forget(Connection* connection) {
  if (connections_.erase(connection) == 0) return;
  shared_.connections->add(-1);
  shared_.leave();
}

void Loop::count(int status) {
  auto& counter = counters_[static_cast<std::size_t>(std::clamp(status, 0, 599))];
  if (!counter)
    counter = shared_.metrics.counter("amas_http_requests_total", "HTTP requests answered, by status.",
                                      {{"code", std::to_string(status)}});
  counter->add();
}

void Loop::arm_sweep() {
  sweep_timer_.expires_after(std::chrono::microseconds(sweep_interval_us(shared_)));
  sweep_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) sweep();
  });
}

void Loop::sweep() {
  date_ = http_date(system_clock().now_us());
  const std::int64_t now_us = system_clock().steady_us();
  for (const auto& connection : open_connections()) connection->expire(now_us);
  arm_sweep();
}

std::vector<std::shared_ptr<Connection>> Loop::open_connections() const {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(connections_.size());
  for (const auto& [pointer, connection] : connections_) all.push_back(connection);
  return all;
}

}  // namespace amas::http
