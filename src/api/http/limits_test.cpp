#include <gtest/gtest.h>
#include <sys/socket.h>
#include <zlib.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "api/http/inflate.h"
#include "api/http/request_parser.h"
#include "api/http/server.h"
#include "api/http/test_client.h"

namespace amas::http {
namespace {

class LimitsTest : public testing::Test {
 protected:
  std::uint16_t start(const ServerOptions& options = {}) {
    auto server = Server::start(
        options,
        [](const Request& request, Reply reply) {
          reply({200, "text/plain", std::string(request.body), {}});
        },
        metrics_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    return server_->port();
  }
  /// Sends on a new connection; the server must answer, then close.
  WireReply refused(std::uint16_t port, std::string_view bytes) {
    TestClient client(port);
    client.send(bytes);
    auto reply = client.read();
    ::shutdown(client.descriptor(), SHUT_WR);
    EXPECT_TRUE(client.is_closed()) << bytes.substr(0, 60);
    EXPECT_EQ("close", reply.header("Connection"));
    EXPECT_TRUE(reply.body.starts_with("{\"error\":\"")) << reply.body;
    return reply;
  }
  telemetry::MetricRegistry metrics_;
  std::unique_ptr<Server> server_;
};

std::string gzip_of_zeros(std::size_t bytes) {
  z_stream stream{};
  EXPECT_EQ(Z_OK, ::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY));
  const std::string zeros(bytes, '\0');
  std::string out(::deflateBound(&stream, bytes), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(bytes);
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(Z_STREAM_END, ::deflate(&stream, Z_FINISH));
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

TEST_F(LimitsTest, refuses_what_is_not_http_with_a_reason_and_a_clean_close) {
  const std::uint16_t port = start();
  const std::string host = "Host: a\r\n";
  const std::vector<std::pair<int, std::string>> cases{
      {400, "\x16\x03\x01\x02 TLS"},
      {400, "hello\r\n\r\n"},
      {400, "GET / HTTP/1.1\n" + host + "\n"},
      {400, "GET /\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\n" + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + host + "\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "Bad Name: x\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "X : y\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n"},
      {400, std::string("GET / HTTP/1.1\r\n") + host + "X: a" + '\0' + "b\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\n" + host + "\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Content-Length: x\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
      {400, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
      {501, "CONNECT a:1 HTTP/1.1\r\n" + host + "\r\n"},
      {417, "POST / HTTP/1.1\r\n" + host + "Expect: magic\r\nContent-Length: 3\r\n\r\n"},
      {415, post("/", "x", "Content-Encoding: br\r\n")},
      {400, post("/", "not gzip", "Content-Encoding: gzip\r\n")},
      {400, post("/", gzip_of_zeros(1000).substr(0, 20), "Content-Encoding: gzip\r\n")},
  };
  for (const auto& [status, bytes] : cases) EXPECT_EQ(status, refused(port, bytes).status) << bytes;
  TestClient client(port);
  EXPECT_EQ("fine", client.ask(post("/", "fine")).body);
}

TEST_F(LimitsTest, refuses_a_head_beyond_the_limit_even_field_by_field) {
  const std::uint16_t port = start();
  EXPECT_EQ(431, refused(port, "GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").status);
  EXPECT_EQ(431, refused(port, "GET /" + std::string(20'000, 'x')).status);
  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  while (many.size() <= limits::kRequestHeaderBytesMax) many += "A: b\r\n";
  TestClient client(port);
  for (std::size_t i = 0; i < many.size(); i += 1'000) client.send(std::string_view(many).substr(i, 1'000));
  EXPECT_EQ(431, client.read().status);
  std::string fits = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  fits += std::string(limits::kRequestHeaderBytesMax - fits.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(200, TestClient(port).ask(fits).status);
}

TEST_F(LimitsTest, refuses_a_body_beyond_the_limit_in_every_form_and_takes_one_of_just_the_limit) {
  ServerOptions options;
  options.body_bytes_max = 100'000;
  const std::uint16_t port = start(options);
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(413, refused(port, head + "Content-Length: 100001\r\n\r\n").status);
  EXPECT_EQ(413, refused(port, head + "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n").status);
  EXPECT_EQ(413, refused(port, head + "Transfer-Encoding: chunked\r\n\r\n186a1\r\n").status);
  EXPECT_EQ(413, refused(port, head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n").status);
  EXPECT_EQ(413, refused(port, post("/", gzip_of_zeros(100'001), "Content-Encoding: gzip\r\n")).status);
  TestClient client(port);
  EXPECT_EQ(100'000u, client.ask(post("/", std::string(100'000, 'x'))).body.size());
  EXPECT_EQ(100'000u,
            client.ask(post("/", gzip_of_zeros(100'000), "Content-Encoding: gzip\r\n")).body.size());
}

TEST_F(LimitsTest, tells_a_client_in_the_middle_of_a_large_body_before_closing) {
  ServerOptions options;
  options.body_bytes_max = 1'000;
  TestClient client(start(options));
  std::jthread sender([&] { client.send(post("/", std::string(20'000'000, 'x'))); });
  EXPECT_EQ(413, client.read().status);
}

TEST_F(LimitsTest, closes_idle_connections_and_says_408_to_slow_requests) {
  ServerOptions options;
  options.idle_timeout_us = 50'000;
  options.request_timeout_us = 50'000;
  const std::uint16_t port = start(options);
  EXPECT_TRUE(TestClient(port).is_closed());
  TestClient kept(port);
  EXPECT_EQ(200, kept.ask(post("/", "")).status);
  EXPECT_TRUE(kept.is_closed());
  EXPECT_EQ(408, refused(port, "POST / HT").status);
  EXPECT_EQ(408, refused(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").status);
  EXPECT_EQ(408,
            refused(port, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").status);
  EXPECT_EQ(3u, metrics_.counter("amas_http_timeouts_total", "")->value());
}

TEST_F(LimitsTest, closes_on_a_client_that_does_not_take_its_reply) {
  ServerOptions options;
  options.write_timeout_us = 50'000;
  auto server = Server::start(
      options,
      [](const Request&, Reply reply) {
        reply({200, "text/plain", std::string(50'000'000, 'x'), {}});
      },
      metrics_);
  ASSERT_TRUE(server);
  TestClient client((*server)->port());
  client.send(post("/", ""));
  const auto timeouts = metrics_.counter("amas_http_timeouts_total", "");
  EXPECT_TRUE(eventually([&] { return timeouts->value() > 0; }));
  EXPECT_EQ(0, client.read().status);
}

TEST_F(LimitsTest, refuses_connections_beyond_the_limit_and_takes_them_again_when_one_ends) {
  ServerOptions options;
  options.connections_max = 2;
  const std::uint16_t port = start(options);
  {
    TestClient first(port), second(port);
    EXPECT_EQ(200, first.ask(post("/", "")).status);
    EXPECT_EQ(200, second.ask(post("/", "")).status);
    TestClient third(port);
    const auto reply = third.read();
    EXPECT_EQ(503, reply.status);
    EXPECT_TRUE(contains(reply.body, "too many connections"));
    EXPECT_TRUE(third.is_closed());
  }
  const auto open = metrics_.gauge("amas_http_connections", "");
  EXPECT_TRUE(eventually([&] { return open->value() == 0; }));
  EXPECT_EQ(200, TestClient(port).ask(post("/", "")).status);
}

TEST(FindHeadEnd, finds_the_same_end_however_the_bytes_are_cut) {
  const std::string head = "GET / HTTP/1.1\r\nA: b\r\n\r\nrest\r\n\r\n";
  const std::size_t end = head.find("\r\n\r\n") + 4;
  for (std::size_t cut = 0; cut <= head.size(); ++cut) {
    std::size_t searched = 0;
    const std::size_t first = find_head_end(std::string_view(head).substr(0, cut), searched);
    EXPECT_EQ(cut >= end ? end : std::string_view::npos, first) << cut;
    EXPECT_EQ(end, find_head_end(head, searched)) << cut;
    if (cut >= end) break;
  }
}

TEST(Inflate, never_makes_more_than_allowed_of_a_bomb) {
  const std::string bomb = gzip_of_zeros(50'000'000);
  EXPECT_LT(bomb.size(), 60'000u);
  const auto body = inflate_body(bomb, 1'000'000);
  ASSERT_FALSE(body);
  EXPECT_EQ(Code::kResourceExhausted, body.error().code);
  EXPECT_EQ(50'000'000u, inflate_body(bomb, 50'000'000)->size());
}

}  // namespace
}  // namespace amas::http
