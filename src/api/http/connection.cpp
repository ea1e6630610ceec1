#include "api/http/connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>
#include <exception>

#include "api/http/inflate.h"
#include "api/http/ticket.h"
#include "base/clock.h"
#include "base/log.h"

namespace amas::http {
namespace {

namespace asio = boost::asio;
using boost::beast::error_code;

constexpr std::size_t kReadBytes = 4u << 10;  // most requests come whole in one read of this size
constexpr std::size_t kBodyReadBytes = 64u << 10;
constexpr std::size_t kKeptBytesMax = 256u << 10;  // buffers above it are not kept for the next request
constexpr std::size_t kDiscardBytesMax = 64u
                                         << 20;  // read from a client that goes on sending after its error
constexpr std::int64_t kLingerUs = 2'000'000;
constexpr std::int64_t kDrainGraceUs =
    200'000;                           // what a new connection has for its first request, and a lingering one
constexpr int kRetryAfterSeconds = 1;  // queues are short, and a drained server has gone by then
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view view(const boost::beast::flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

bool same_word(std::string_view a, std::string_view b) {
  return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

bool has_line_break(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

// Whether the other side has reset the connection; urgent data wakes the same wait.
bool has_failed(int socket) {
  pollfd asked{socket, 0, 0};
  return ::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, asio::ip::tcp::socket socket)
    : loop_(std::move(loop)), socket_(std::move(socket)) {
  request_.gone = gone_;
  request_.header = [this](std::string_view name) {
    return parser_ ? parser_->field(name) : std::string_view();
  };
}

void Connection::start() {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  const std::int64_t wait_us =
      loop_->shared().draining ? kDrainGraceUs : loop_->shared().options.idle_timeout_us;
  deadline_us_ = system_clock().steady_us() + wait_us;
  watch_for_reset();
  read();
}

// While a request is in work nothing is read, and nothing else would tell. The end of the client's own
// direction is no error.
void Connection::watch_for_reset() {
  socket_.async_wait(asio::ip::tcp::socket::wait_error, [self = shared_from_this()](error_code error) {
    if (error || self->stage_ == Stage::kClosed || !has_failed(self->socket_.native_handle())) return;
    self->gone_->store(true, std::memory_order_relaxed);
    self->close();
  });
}

void Connection::receive(Mail mail) {
  if (stage_ == Stage::kDecompressing && mail.body) {
    if (const auto& body = *mail.body; !body)
      return fail(body.error().code == Code::kResourceExhausted ? 413 : 400, body.error().message);
    inflated_ = std::move(**mail.body);
    request_.body = inflated_;
    dispatch();
    return advance();
  }
  if (stage_ != Stage::kHandling) return;
  send(std::move(mail.response));
  advance();
}

void Connection::expire(std::int64_t now_us) {
  if (deadline_us_ == 0 || now_us < deadline_us_) return;
  const bool is_waiting = stage_ == Stage::kHead && in_.size() == 0;
  if (stage_ != Stage::kLingering && !is_waiting) loop_->shared().timeouts->add();
  if ((stage_ == Stage::kHead || stage_ == Stage::kBody) && !is_waiting)
    return fail(408, "request came too slowly; send it again, quicker or in smaller parts");
  close();
}

void Connection::drain() {
  // Its next request may be on its way: it is answered, with a reply that says that the connection ends.
  if (stage_ != Stage::kHead || in_.size() > 0) return;
  deadline_us_ = std::min(deadline_us_, system_clock().steady_us() + kDrainGraceUs);
}

void Connection::close() {
  if (stage_ == Stage::kClosed) return;
  stage_ = Stage::kClosed;
  deadline_us_ = 0;
  error_code ignored;
  socket_.close(ignored);
  loop_->forget(this);
}

void Connection::read() {
  if (reading_) return;
  reading_ = true;
  auto& buffer = stage_ == Stage::kBody && body_left_ > 0 ? body_ : in_;
  // Memory grows with what has come, not with what a Content-Length promises.
  const std::size_t bytes = &buffer == &body_ ? std::min(body_left_, std::max(kBodyReadBytes, body_.size()))
                                              : std::max(kReadBytes, std::min(in_.size(), kBodyReadBytes));
  socket_.async_read_some(
      buffer.prepare(bytes),
      [self = shared_from_this()](error_code error, std::size_t count) { self->on_read(error, count); });
}

void Connection::on_read(error_code error, std::size_t bytes) {
  reading_ = false;
  if (stage_ == Stage::kClosed) return;
  if (error) return close();
  if (stage_ == Stage::kLingering) {
    discarded_ += bytes;
    return discarded_ > kDiscardBytesMax ? close() : read();
  }
  if (stage_ == Stage::kBody && body_left_ > 0) {
    body_.commit(bytes);
    body_left_ -= bytes;
  } else {
    if (stage_ == Stage::kHead && in_.size() == 0) deadline_us_ = 0;
    in_.commit(bytes);
  }
  advance();
}

void Connection::advance() {
  if (advancing_) return;
  advancing_ = true;
  bool has_more = true;
  while (has_more) {
    if (stage_ == Stage::kHead) has_more = take_head();
    else if (stage_ == Stage::kBody) has_more = take_body();
    else has_more = false;
  }
  advancing_ = false;
  if (stage_ != Stage::kHead && stage_ != Stage::kBody) return;
  if (deadline_us_ == 0)
    deadline_us_ = system_clock().steady_us() + loop_->shared().options.request_timeout_us;
  read();
}

bool Connection::take_head() {
  while (searched_ == 0 && in_.size() > 0 && (view(in_)[0] == '\r' || view(in_)[0] == '\n')) in_.consume(1);
  if (in_.size() == 0) return false;
  const std::string_view bytes = view(in_);
  if (bytes[0] < 'A' || bytes[0] > 'z')
    return fail(400, "malformed request: not HTTP; speak HTTP/1.1"), false;
  const std::size_t end = find_head_end(bytes, searched_);
  const std::size_t bytes_max = loop_->shared().options.header_bytes_max;
  if ((end == std::string_view::npos ? bytes.size() : end) > bytes_max) {
    fail(431, fmt::format("request head is too large: more than {} bytes; send fewer or shorter headers",
                          bytes_max));
    return false;
  }
  if (end == std::string_view::npos) return false;
  head_.assign(bytes.substr(0, end));
  in_.consume(end);
  searched_ = 0;
  accept_head();
  return true;
}

void Connection::accept_head() {
  parser_.emplace(fields_);
  if (const auto error = parser_->parse_head(head_, loop_->shared().options.body_bytes_max)) {
    const auto [status, message] = refusal_of(error, head_);
    return fail(status, message);
  }
  keep_alive_ = parser_->keep_alive();
  fill_request();
  if (!parser_->is_http_1_0() && parser_->field_count("Host") != 1)
    return fail(400, "malformed request: HTTP/1.1 needs one Host header");
  if (parser_->field_count("Transfer-Encoding") > 0 &&
      (!parser_->chunked() || !same_word(parser_->field("Transfer-Encoding"), "chunked")))
    return fail(501, "transfer encoding is not known; send chunked, or a Content-Length");
  if (request_.method == "CONNECT" || request_.method == "TRACE")
    return fail(501, "method is not known; use GET or POST");
  stage_ = Stage::kBody;
  body_left_ = 0;
  if (!parser_->is_done() && !expect_body()) return;
  if (parser_->is_done()) end_body();
}

bool Connection::expect_body() {
  const std::size_t length = parser_->content_length().value_or(0);
  const bool is_here = length > 0 && in_.size() >= length;
  if (const auto expect = parser_->field("Expect"); !expect.empty() && !is_here) {
    if (!same_word(expect, "100-continue"))
      return fail(417, "expectation is not known; leave it away"), false;
    error_code error;
    if (in_.size() == 0) socket_.write_some(asio::buffer(kContinue), error);
    if (error) return close(), false;
  }
  if (length == 0) return true;
  if (is_here) {
    in_place_ = length;
    return true;
  }
  body_left_ = length - in_.size();
  body_.commit(asio::buffer_copy(body_.prepare(in_.size()), in_.data()));
  in_.consume(in_.size());
  return true;
}

bool Connection::take_body() {
  if (parser_->chunked()) return take_chunks();
  if (body_left_ > 0) return false;
  end_body();
  return true;
}

bool Connection::take_chunks() {
  if (in_.size() == 0) return false;
  error_code error;
  in_.consume(parser_->parse_chunks(view(in_), body_, error));
  if (error) {
    const auto [status, message] = refusal_of(error, head_);
    return fail(status, message), false;
  }
  if (parser_->is_done()) return end_body(), true;
  // What is left is the beginning of a chunk's head, or of the trailer.
  if (in_.size() > loop_->shared().options.header_bytes_max) fail(431, "chunk head or trailer is too large");
  return false;
}

void Connection::end_body() {
  request_.body = in_place_ > 0 ? view(in_).substr(0, in_place_) : view(body_);
  const std::string_view encoding = parser_->field("Content-Encoding");
  if (encoding.empty() || same_word(encoding, "identity") || request_.body.empty()) return dispatch();
  if (!same_word(encoding, "gzip") && !same_word(encoding, "x-gzip") && !same_word(encoding, "deflate"))
    return fail(415, "content encoding is not known; send gzip, deflate or none");
  decompress();
}

void Connection::decompress() {
  stage_ = Stage::kDecompressing;
  deadline_us_ = 0;
  // The view stays valid: nothing is read into these buffers before the mail has come back.
  auto work = [self = shared_from_this(), compressed = request_.body] {
    auto body = std::make_unique<Result<std::string>>(
        inflate_body(compressed, self->loop_->shared().options.body_bytes_max));
    self->loop_->post(Mail{self, {}, std::move(body)});
  };
  const auto& elsewhere = loop_->shared().options.run_on_compute;
  if (!elsewhere) return work();
  if (!elsewhere(std::move(work))) fail(503, "too busy to decompress the body; retry later");
}

void Connection::fill_request() {
  request_.method = parser_->method();
  is_head_ = request_.method == "HEAD";
  if (is_head_) request_.method = "GET";
  std::string_view target = parser_->target();
  if (!target.starts_with('/')) {
    // The absolute form, as to a proxy (RFC 9112, 3.2.2).
    const auto scheme = target.find("://");
    const auto path = scheme == std::string_view::npos ? scheme : target.find('/', scheme + 3);
    if (path != std::string_view::npos) target.remove_prefix(path);
  }
  const auto query = target.find('?');
  request_.path = target.substr(0, query);
  request_.query = query == std::string_view::npos ? std::string_view() : target.substr(query + 1);
  request_.body = {};
  telemetry::IdSource& ids = loop_->ids();
  if (const auto id = parser_->field("X-Request-Id"); telemetry::request_id_is_plain(id))
    request_.request_id = id;
  else ids.make(16, request_.request_id);
  ids.make(16, request_.span_id);
  caller_flags_.clear();
  if (const auto parent = telemetry::parse_traceparent(parser_->field("traceparent"))) {
    request_.trace_id = parent->trace_id;
    caller_flags_ = parent->flags;
  } else {
    ids.make(32, request_.trace_id);
  }
}

void Connection::dispatch() {
  stage_ = Stage::kHandling;
  deadline_us_ = 0;
  auto ticket = std::make_shared<Ticket>(shared_from_this());
  try {
    loop_->shared().handler(request_, [ticket](Response response) { ticket->answer(std::move(response)); });
  } catch (const std::exception& error) {
    log::error("http_handler_threw", {{"error", error.what()}});
    ticket->answer(error_response(500, "the server failed; its log says more"));
  }
}

void Connection::send(Response response) {
  if (loop_->shared().draining) keep_alive_ = false;
  const bool with_body = response.status >= 200 && response.status != 204 && response.status != 304;
  write_head(response, with_body);
  out_body_ = std::move(response.body);
  if (is_head_ || !with_body) out_body_.clear();
  loop_->count(response.status);
  stage_ = Stage::kWriting;
  error_code error;
  const std::array<asio::const_buffer, 2> parts{asio::buffer(out_head_), asio::buffer(out_body_)};
  const std::size_t sent = socket_.write_some(parts, error);
  if (error && error != asio::error::would_block) return close();
  if (!error && sent == out_head_.size() + out_body_.size()) return end_reply();
  deadline_us_ = system_clock().steady_us() + loop_->shared().options.write_timeout_us;
  const std::size_t from_head = std::min(sent, out_head_.size());
  const std::array<asio::const_buffer, 2> rest{asio::buffer(out_head_) + from_head,
                                               asio::buffer(out_body_) + (sent - from_head)};
  asio::async_write(socket_, rest, [self = shared_from_this()](error_code late, std::size_t) {
    if (self->stage_ == Stage::kClosed) return;
    if (late) return self->close();
    self->end_reply();
    self->advance();
  });
}

void Connection::write_head(const Response& response, bool with_body) {
  const auto reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  out_head_.clear();
  auto out = std::back_inserter(out_head_);
  fmt::format_to(out, "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status,
                 std::string_view(reason.data(), reason.size()), loop_->date());
  if (with_body)
    fmt::format_to(out, "Content-Type: {}\r\nContent-Length: {}\r\n", response.content_type,
                   response.body.size());
  if (!request_.request_id.empty()) fmt::format_to(out, "X-Request-Id: {}\r\n", request_.request_id);
  if (!caller_flags_.empty())
    fmt::format_to(out, "traceparent: 00-{}-{}-{}\r\n", request_.trace_id, request_.span_id, caller_flags_);
  for (const auto& [name, value] : response.headers)
    if (!has_line_break(name) && !has_line_break(value)) fmt::format_to(out, "{}: {}\r\n", name, value);
  if (response.retry_helps && (response.status == 429 || response.status == 503))
    fmt::format_to(out, "Retry-After: {}\r\n", kRetryAfterSeconds);
  if (!keep_alive_) out_head_ += "Connection: close\r\n";
  else if (parser_ && parser_->is_http_1_0()) out_head_ += "Connection: keep-alive\r\n";
  out_head_ += "\r\n";
}

void Connection::end_reply() {
  if (keep_alive_) next_request();
  else linger();
}

void Connection::fail(int status, std::string_view message) {
  keep_alive_ = false;
  stage_ = Stage::kHandling;
  send(error_response(status, message));
}

void Connection::linger() {
  // A socket that is closed while bytes wait in it resets the connection, and the client may lose the reply.
  stage_ = Stage::kLingering;
  deadline_us_ = system_clock().steady_us() + (loop_->shared().draining ? kDrainGraceUs : kLingerUs);
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  in_.clear();
  read();
}

void Connection::next_request() {
  stage_ = Stage::kHead;
  deadline_us_ = system_clock().steady_us() + loop_->shared().options.idle_timeout_us;
  in_.consume(in_place_);
  in_place_ = 0;
  if (body_.capacity() > kKeptBytesMax) body_ = {};
  body_.clear();
  if (inflated_.capacity() > kKeptBytesMax) inflated_ = {};
  if (out_body_.capacity() > kKeptBytesMax) out_body_ = {};
  is_head_ = false;
  request_.request_id.clear();
  caller_flags_.clear();
}

}  // namespace amas::http
