#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "api/http/server.h"
#include "base/threads.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace amas::http {

class Connection;

/// What all I/O threads of a server share.
class Shared {
 public:
  Shared(const ServerOptions& options, Handler handler, telemetry::MetricRegistry& metrics);

  const ServerOptions options;
  const Handler handler;
  telemetry::MetricRegistry& metrics;
  const std::shared_ptr<telemetry::Gauge> connections;
  const std::shared_ptr<telemetry::Counter> refused;
  const std::shared_ptr<telemetry::Counter> timeouts;
  std::atomic<bool> draining{false};

  /// Counts a connection in; false when there are too many.
  bool enter();
  /// Counts it out again.
  void leave();
  /// Waits until no connection is open, at most this long; whether that came true.
  bool wait_until_empty(std::int64_t timeout_us);

 private:
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::condition_variable empty_;
};

/// Something that comes to a connection from another thread.
struct Mail {
  std::shared_ptr<Connection> connection;
  Response response;
  /// Set: not a reply, but the request's body after decompression.
  std::unique_ptr<Result<std::string>> body;
};

/// One I/O thread with its connections. Replies reach it through a mailbox, so that many replies of a batch
/// cost one wake-up, and none can reach a thread that has ended.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(Shared& shared, const std::string& thread_name);
  ~Loop();

  /// Starts the thread.
  void start();
  /// Ends the thread and closes its connections; mail that comes later is dropped.
  void stop();
  /// For sockets and timers of this thread.
  boost::asio::io_context& context() { return context_; }
  /// What it shares with the other threads.
  Shared& shared() { return shared_; }

  /// Takes a new connection over, from any thread.
  void adopt(boost::asio::ip::tcp::socket socket);
  /// Delivers mail: at once on this loop's own thread, through the mailbox on others.
  void post(Mail mail);
  /// Lets all connections end: those in work after their reply, the others soon.
  void drain();

  // The rest is for connections, on this loop's thread.

  /// Lets go of a connection that has closed.
  void forget(Connection* connection);
  /// Counts a reply.
  void count(int status);
  /// The Date header of now.
  const std::string& date() const { return date_; }
  /// Where ids come from.
  telemetry::IdSource& ids() { return ids_; }

 private:
  struct Mailbox {
    std::vector<Mail> mail;
    bool closed = false;
  };
  void listen();
  void open_mail();
  void arm_sweep();
  void sweep();
  /// A copy, for the walk may close some.
  std::vector<std::shared_ptr<Connection>> open_connections() const;

  Shared& shared_;
  const std::string thread_name_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  boost::asio::steady_timer sweep_timer_{context_};
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;  ///< open ones; we own them
  Guarded<Mailbox> mailbox_;
  boost::asio::posix::stream_descriptor bell_;  ///< an eventfd: rings when mail has come into an empty box
  std::uint64_t rings_ = 0;
  std::vector<Mail> opened_;
  bool stopped_ = false;
  std::string date_;
  telemetry::IdSource ids_;
  std::vector<std::shared_ptr<telemetry::Counter>> counters_;  ///< by status
  std::atomic<std::thread::id> thread_id_{};
  std::jthread thread_;
};

}  // namespace amas::http
