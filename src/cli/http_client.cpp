#include "cli/http_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <chrono>

#include "base/file.h"
#include "base/limits.h"

namespace amas::cli {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace asio = boost::asio;

// Runs one asynchronous step to its end, so that the time-out set on the stream holds.
template <class Start>
beast::error_code run_step(asio::io_context& context, Start start) {
  beast::error_code code;
  start([&](beast::error_code result, auto&&...) { code = result; });
  context.restart();
  context.run();
  return code;
}

// Whether some process holds this lock. The system frees a server's lock when it dies, however it dies; its
// pid may answer for longer, or be another process's by then.
bool is_locked(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

Code code_of_status(unsigned status) {
  if (status == 413 || status == 431) return Code::kInvalidArgument;  // Trying again would not help.
  for (int code = 1; code <= 16; ++code)
    if (http_status(static_cast<Code>(code)) == static_cast<int>(status)) return static_cast<Code>(code);
  return Code::kUnknown;
}

std::string message_of(const std::string& body, unsigned status) {
  if (const auto document = parse_json(body); document && document->is_object())
    if (const auto message = json_field<std::string>(*document, "error")) return *message;
  return fmt::format("the server answered with HTTP status {}", status);
}

Error no_answer(const RunningServer& server, const Question& question, const beast::error_code& code) {
  const std::string why = code == beast::error::timeout
                              ? fmt::format(" within {} s", question.patience.count())
                              : ": " + code.message();
  return unavailable(
      fmt::format("the server on port {} (pid {}) does not answer{}", server.port, server.pid, why));
}

}  // namespace

std::optional<RunningServer> find_server(const std::filesystem::path& home) {
  const auto text = read_file(home / "serve.json", 4096);
  if (!text) return std::nullopt;
  const auto document = parse_json(*text);
  if (!document) return std::nullopt;
  const auto pid = json_field<std::int64_t>(*document, "pid");
  const auto port = json_field<std::int64_t>(*document, "port");
  if (!pid || !port || *pid <= 1 || *port < 1 || *port > 65535 || !is_locked(home / "serve.lock"))
    return std::nullopt;
  return RunningServer{*pid, static_cast<std::uint16_t>(*port)};
}

Result<std::string> call(const RunningServer& server, const Question& question) {
  asio::io_context context;
  beast::tcp_stream stream(context);
  http::request<http::string_body> request{http::string_to_verb(std::string(question.method)), question.path,
                                           11, question.body};
  request.set(http::field::host, fmt::format("127.0.0.1:{}", server.port));
  request.set(http::field::user_agent, "amas/" AMAS_VERSION);
  request.keep_alive(false);
  if (!question.body.empty()) request.set(http::field::content_type, "application/json");
  request.prepare_payload();
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(limits::kRequestBodyBytesMax);
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address("127.0.0.1"), server.port);
  const auto step = [&](auto start) {
    stream.expires_after(question.patience);
    return run_step(context, start);
  };
  beast::error_code code = step([&](auto done) { stream.async_connect(endpoint, done); });
  if (!code) {
    const auto sent = step([&](auto done) { http::async_write(stream, request, done); });
    // A server that refuses a request early has said why, and may no longer read the rest.
    code = step([&](auto done) { http::async_read(stream, buffer, parser, done); });
    if (code && sent) code = sent;
  }
  if (code) return no_answer(server, question, code);
  const auto& response = parser.get();
  if (response.result_int() >= 400)
    return Error{code_of_status(response.result_int()), message_of(response.body(), response.result_int())};
  return response.body();
}

Status check_answers(const RunningServer& server) {
  AMAS_TRY(const std::string body, call(server, {.path = "/api/v1/version"}));
  return {};
}

}  // namespace amas::cli
