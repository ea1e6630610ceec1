#include "api/http/server.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "api/http/test_client.h"
#include "base/threads.h"

namespace amas::http {
namespace {

/// Replies with what it was asked: method, path, query, a header and the body.
void echo(const Request& request, Reply reply) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::string(request.method) + "|" + std::string(request.path) + "|" +
                  std::string(request.query) + "|" + std::string(request.header("x-test")) + "|" +
                  std::string(request.body);
  reply(std::move(response));
}

class ServerTest : public testing::Test {
 protected:
  std::uint16_t start(Handler handler = echo, ServerOptions options = {}) {
    auto server = Server::start(options, std::move(handler), metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    return server_->port();
  }
  telemetry::MetricRegistry metrics_;
  std::unique_ptr<Server> server_;
};

std::string deflated(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(Z_OK, ::deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY));
  std::string out(::deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(Z_STREAM_END, ::deflate(&stream, Z_FINISH));
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string gzipped(std::string_view text) { return deflated(text, 15 + 16); }

TEST_F(ServerTest, answers_on_one_connection_again_and_again) {
  TestClient client(start());
  for (int i = 0; i < 3; ++i) {
    const auto reply = client.ask(post("/a/b?c=d", "hello", "X-Test: t\r\n"));
    EXPECT_EQ(200, reply.status);
    EXPECT_EQ("POST|/a/b|c=d|t|hello", reply.body);
    EXPECT_EQ("text/plain", reply.header("Content-Type"));
    EXPECT_TRUE(contains(reply.header("Date"), " GMT"));
    EXPECT_EQ("", reply.header("Connection"));
  }
}

TEST_F(ServerTest, answers_pipelined_requests_in_order_though_replies_are_ready_in_another) {
  std::mutex mutex;
  std::vector<std::jthread> threads;
  TestClient client(start([&](const Request& request, Reply reply) {
    const std::scoped_lock lock(mutex);
    threads.emplace_back([reply, body = std::string(request.body)] { reply({200, "text/plain", body, {}}); });
  }));
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += post("/", std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(std::to_string(i), client.read().body);
  server_.reset();
}

/// Keeps what the handler was given, to be answered later.
struct Kept {
  Reply reply;
  std::shared_ptr<const std::atomic<bool>> gone;
};

TEST_F(ServerTest, tells_of_a_client_that_resets_its_connection_while_its_request_is_in_work) {
  Guarded<std::vector<Kept>> kept;
  const std::uint16_t port = start([&](const Request& request, Reply reply) {
    kept.with([&](auto& all) { all.push_back({std::move(reply), request.gone}); });
  });
  const auto has = [&](std::size_t count) {
    return eventually([&] { return kept.with([&](auto& all) { return all.size() == count; }); });
  };
  TestClient killed(port), patient(port);
  killed.send(post("/", "a"));
  ASSERT_TRUE(has(1));
  patient.send(post("/", "b"));
  patient.end_sending();
  ASSERT_TRUE(has(2));
  auto all = kept.with([](auto& taken) { return std::exchange(taken, {}); });
  EXPECT_FALSE(*all[0].gone);
  killed.reset();
  EXPECT_TRUE(eventually([&] { return all[0].gone->load(); }));
  all[0].reply({200, "text/plain", "for nobody", {}});
  EXPECT_FALSE(*all[1].gone);
  all[1].reply({200, "text/plain", "late", {}});
  EXPECT_EQ("late", patient.read().body);
  TestClient next(port);
  next.send(post("/", "c"));
  ASSERT_TRUE(has(1));
  kept.with([](auto& taken) { taken[0].reply({200, "text/plain", "on", {}}); });
  EXPECT_EQ("on", next.read().body);
}

TEST_F(ServerTest, takes_a_request_that_comes_byte_by_byte) {
  TestClient client(start());
  for (const char byte : post("/x", "body", "X-Test: slow\r\n")) client.send({&byte, 1});
  EXPECT_EQ("POST|/x||slow|body", client.read().body);
}

TEST_F(ServerTest, takes_a_body_larger_than_any_buffer) {
  std::string body(5'000'000, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
  TestClient client(start([](const Request& request, Reply reply) {
    reply({200, "text/plain", std::string(request.body), {}});
  }));
  for (int i = 0; i < 2; ++i) {
    std::jthread sender([&] { client.send(post("/", body)); });
    EXPECT_TRUE(client.read().body == body);
  }
}

TEST_F(ServerTest, takes_chunked_bodies_with_extensions_and_trailers) {
  TestClient client(start());
  const std::string head = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ("POST|/c|||hello world",
            client.ask(head + "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Test: no\r\n\r\n").body);
  for (const char byte : head + "3\r\nabc\r\n0\r\n\r\n") client.send({&byte, 1});
  EXPECT_EQ("POST|/c|||abc", client.read().body);
  EXPECT_EQ("POST|/c|||", client.ask(head + "0\r\n\r\n").body);
}

TEST_F(ServerTest, decompresses_gzip_and_deflate_bodies) {
  const std::uint16_t port = start();
  TestClient client(port);
  const std::string text(100'000, 'q');
  EXPECT_EQ("POST|/|||" + text, client.ask(post("/", gzipped(text), "Content-Encoding: gzip\r\n")).body);
  EXPECT_EQ("POST|/|||zlib",
            client.ask(post("/", deflated("zlib", 15), "Content-Encoding: deflate\r\n")).body);
  EXPECT_EQ("POST|/|||ab",
            client.ask(post("/", gzipped("a") + gzipped("b"), "Content-Encoding: gzip\r\n")).body);
}

TEST_F(ServerTest, decompresses_away_from_the_io_thread_when_told_where) {
  std::vector<std::jthread> threads;
  ServerOptions options;
  options.run_on_compute = [&](std::function<void()> task) {
    threads.emplace_back(std::move(task));
    return threads.size() < 2;
  };
  TestClient client(start(echo, options));
  const std::string request = post("/", gzipped("text"), "Content-Encoding: gzip\r\n");
  EXPECT_EQ("POST|/|||text", client.ask(request).body);
  EXPECT_EQ("POST|/|||next", client.ask(post("/", "next")).body);
  EXPECT_EQ(503, client.ask(request).status);
  server_.reset();
}

TEST_F(ServerTest, asks_for_the_body_when_the_client_expects_that) {
  TestClient client(start());
  client.send("POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(100, client.read().status);
  EXPECT_EQ("POST|/e|||ok", client.ask("ok").body);
}

TEST_F(ServerTest, answers_head_as_get_without_the_body) {
  TestClient client(start());
  client.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto reply = client.read(true);
  EXPECT_EQ(200, reply.status);
  EXPECT_EQ("9", reply.header("Content-Length"));  // of "GET|/h|||"
  EXPECT_EQ("GET|/h|||", client.ask("GET /h HTTP/1.1\r\nHost: a\r\n\r\n").body);
}

TEST_F(ServerTest, closes_when_the_client_wants_that_and_speaks_http_1_0) {
  const std::uint16_t port = start();
  TestClient closing(port);
  EXPECT_EQ("close",
            closing.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").header("Connection"));
  EXPECT_TRUE(closing.is_closed());
  TestClient old(port);
  EXPECT_EQ("GET|/|||", old.ask("GET / HTTP/1.0\r\n\r\n").body);
  EXPECT_TRUE(old.is_closed());
  TestClient kept(port);
  EXPECT_EQ("keep-alive", kept.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("Connection"));
  EXPECT_EQ(200, kept.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status);
}

TEST_F(ServerTest, takes_the_absolute_form_of_a_target) {
  TestClient client(start());
  EXPECT_EQ("GET|/p|q||", client.ask("GET http://a:80/p?q HTTP/1.1\r\nHost: a\r\n\r\n").body);
}

TEST_F(ServerTest, keeps_a_valid_trace_and_request_id_and_makes_them_otherwise) {
  TestClient client(start([](const Request& request, Reply reply) {
    reply({200, "text/plain", request.trace_id + " " + request.span_id + " " + request.request_id, {}});
  }));
  const std::string trace = "0af7651916cd43dd8448eb211c80319c";
  const auto kept = client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: my-id.1\r\ntraceparent: 00-" +
                               trace + "-b7ad6b7169203331-01\r\n\r\n");
  EXPECT_EQ(trace, kept.body.substr(0, 32));
  EXPECT_EQ("00-" + trace + "-" + kept.body.substr(33, 16) + "-01", kept.header("traceparent"));
  EXPECT_NE("b7ad6b7169203331", kept.body.substr(33, 16));
  EXPECT_EQ("my-id.1", kept.header("X-Request-Id"));
  const auto made =
      client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \"<x>\"\r\ntraceparent: 00-zz\r\n\r\n");
  EXPECT_EQ(std::string::npos, made.body.find_first_not_of("0123456789abcdef "));
  EXPECT_EQ(32u + 1 + 16 + 1 + 16, made.body.size());
  EXPECT_NE(trace, made.body.substr(0, 32));
  EXPECT_EQ("", made.header("traceparent"));
}

TEST_F(ServerTest, says_500_for_a_handler_that_throws_or_forgets_to_reply) {
  TestClient client(start([](const Request& request, Reply) {
    if (request.path == "/throw") throw std::runtime_error("broken");
  }));
  EXPECT_EQ(500, client.ask("GET /throw HTTP/1.1\r\nHost: a\r\n\r\n").status);
  EXPECT_EQ(500, client.ask("GET /forget HTTP/1.1\r\nHost: a\r\n\r\n").status);
}

TEST_F(ServerTest, leaves_headers_away_that_would_split_the_reply) {
  TestClient client(start([](const Request&, Reply reply) {
    reply({200, "text/plain", "x", {{"A", "b\r\nEvil: 1"}, {"Good", "2"}}});
  }));
  const auto reply = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ("", reply.header("Evil"));
  EXPECT_EQ("2", reply.header("Good"));
}

TEST_F(ServerTest, says_when_to_come_again_with_429_and_503_only) {
  TestClient client(start([](const Request& request, Reply reply) {
    auto response = error_response(std::stoi(std::string(request.path.substr(1))), "no");
    response.retry_helps = request.query != "in-vain";
    reply(std::move(response));
  }));
  EXPECT_EQ("", client.ask(post("/503?in-vain", "")).header("Retry-After"));
  for (const char* status : {"429", "503"})
    EXPECT_EQ("1", client.ask(post("/" + std::string(status), "")).header("Retry-After"));
  for (const char* status : {"200", "400", "500"})
    EXPECT_EQ("", client.ask(post("/" + std::string(status), "")).header("Retry-After"));
}

TEST_F(ServerTest, router_takes_the_first_route_that_fits_and_names_what_it_does_not_know) {
  Router router;
  router.add([](const Request& request, Reply& reply) {
    if (request.path != "/one") return false;
    reply({200, "text/plain", "1", {}});
    return true;
  });
  TestClient client(
      start([&](const Request& request, Reply reply) { router.handle(request, std::move(reply)); }));
  EXPECT_EQ("1", client.ask("GET /one HTTP/1.1\r\nHost: a\r\n\r\n").body);
  const auto missing = client.ask("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(404, missing.status);
  EXPECT_TRUE(contains(missing.body, "{\"error\":\"nothing answers here: GET /two"));
}

TEST_F(ServerTest, counts_requests_by_status_and_open_connections) {
  TestClient client(start());
  client.ask(post("/", "x"));
  client.ask("BAD\r\n\r\n");
  EXPECT_EQ(1u, metrics_.counter("amas_http_requests_total", "", {{"code", "200"}})->value());
  EXPECT_EQ(1u, metrics_.counter("amas_http_requests_total", "", {{"code", "400"}})->value());
  EXPECT_EQ(1, metrics_.gauge("amas_http_connections", "")->value());
  server_.reset();
  EXPECT_EQ(0, metrics_.gauge("amas_http_connections", "")->value());
}

TEST_F(ServerTest, refuses_addresses_that_others_could_reach_and_ports_in_use) {
  const std::uint16_t port = start();
  ServerOptions open;
  open.address = "0.0.0.0";
  EXPECT_EQ(Code::kInvalidArgument, Server::start(open, echo, metrics_).error().code);
  ServerOptions taken;
  taken.port = port;
  const auto second = Server::start(taken, echo, metrics_);
  ASSERT_FALSE(second);
  EXPECT_EQ(Code::kUnavailable, second.error().code);
  EXPECT_TRUE(contains(second.error().message, "choose another port"));
}

TEST_F(ServerTest, drain_lets_requests_in_flight_end_and_closes_idle_connections) {
  std::promise<Reply> asked;
  const std::uint16_t port = start([&](const Request& request, Reply reply) {
    if (request.path == "/wait") asked.set_value(reply);
    else reply({200, "text/plain", "quick", {}});
  });
  TestClient idle(port), busy(port);
  EXPECT_EQ("quick", idle.ask(post("/", "")).body);
  busy.send(post("/wait", ""));
  Reply reply = asked.get_future().get();
  std::jthread draining([&] { server_->drain(10'000'000); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(TestClient(port).connected());
  reply({200, "text/plain", "late", {}});
  const auto late = busy.read();
  EXPECT_EQ("late", late.body);
  EXPECT_EQ("close", late.header("Connection"));
}

TEST_F(ServerTest, drain_gives_up_after_its_time_and_replies_after_the_end_do_no_harm) {
  std::promise<Reply> asked;
  TestClient client(start([&](const Request&, Reply reply) { asked.set_value(std::move(reply)); }));
  client.send(post("/", ""));
  Reply reply = asked.get_future().get();
  server_->drain(1'000);
  server_.reset();
  reply({200, "text/plain", "nobody hears it", {}});
  EXPECT_EQ(0, client.read().status);
}

TEST_F(ServerTest, answers_many_connections_from_several_threads_each_with_its_own_reply) {
  std::mutex mutex;
  std::condition_variable ready;
  std::vector<std::function<void()>> tasks;
  std::atomic<bool> done{false};
  std::vector<std::jthread> workers;
  for (int i = 0; i < 3; ++i)
    workers.emplace_back([&] {
      std::unique_lock lock(mutex);
      while (true) {
        ready.wait(lock, [&] { return done || !tasks.empty(); });
        if (tasks.empty()) return;
        const auto task = std::move(tasks.back());
        tasks.pop_back();
        lock.unlock();
        task();
        lock.lock();
      }
    });
  ServerOptions options;
  options.io_threads = 2;
  const std::uint16_t port = start(
      [&](const Request& request, Reply reply) {
        {
          const std::scoped_lock lock(mutex);
          tasks.emplace_back([&request, reply] { echo(request, reply); });
        }
        ready.notify_one();
      },
      options);
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < 16; ++c)
      clients.emplace_back([&, c] {
        TestClient client(port);
        for (int i = 0; i < 200; ++i) {
          const std::string body = std::to_string(c) + ":" + std::to_string(i);
          if (client.ask(post("/", body)).body != "POST|/|||" + body) ++wrong;
        }
      });
  }
  EXPECT_EQ(0, wrong);
  {
    const std::scoped_lock lock(mutex);
    done = true;
  }
  ready.notify_all();
}

}  // namespace
}  // namespace amas::http
