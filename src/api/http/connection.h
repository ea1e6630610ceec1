#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/loop.h"
#include "api/http/request_parser.h"
#include "api/http/server.h"

namespace amas::http {

/// One client: reads a request, has it handled, writes the reply, and so on. All of it happens on its loop's
/// thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, boost::asio::ip::tcp::socket socket);

  /// Begins to read.
  void start();
  /// Takes what another thread has sent.
  void receive(Mail mail);
  /// Closes when a limit of time has passed.
  void expire(std::int64_t now_us);
  /// Closes after the next reply, or soon when no request comes.
  void drain();
  /// Closes at once.
  void close();
  /// The thread that it lives on.
  Loop& loop() { return *loop_; }

 private:
  enum class Stage { kHead, kBody, kDecompressing, kHandling, kWriting, kLingering, kClosed };

  void watch_for_reset();
  void read();
  void on_read(boost::beast::error_code error, std::size_t bytes);
  void advance();
  bool take_head();
  void accept_head();
  bool expect_body();
  bool take_body();
  bool take_chunks();
  void end_body();
  void decompress();
  void fill_request();
  void dispatch();
  void send(Response response);
  void write_head(const Response& response, bool with_body);
  void end_reply();
  void fail(int status, std::string_view message);
  void linger();
  void next_request();

  std::shared_ptr<Loop> loop_;
  boost::asio::ip::tcp::socket socket_;
  Stage stage_ = Stage::kHead;
  std::int64_t deadline_us_ = 0;  ///< steady; 0: none
  bool advancing_ = false;
  bool reading_ = false;

  boost::beast::flat_buffer in_;  ///< what has come and is not used yet
  std::size_t searched_ = 0;      ///< of in_, without the end of a head
  std::string head_;
  RequestParser::Fields fields_;
  std::optional<RequestParser> parser_;
  boost::beast::flat_buffer body_;  ///< a body that did not come together with its head
  std::size_t body_left_ = 0;       ///< bytes of it that have not come yet
  std::size_t in_place_ = 0;        ///< bytes at the front of in_ that are the body
  std::string inflated_;
  std::size_t discarded_ = 0;  ///< bytes read since lingering began

  std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
  Request request_;
  std::string caller_flags_;  ///< of a valid traceparent; empty: there was none
  bool is_head_ = false;
  bool keep_alive_ = false;

  std::string out_head_;
  std::string out_body_;
};

}  // namespace amas::http
