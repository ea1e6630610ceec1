#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace amas::http {

/// A reply as it came over the wire.
struct WireReply {
  int status = 0;    ///< 0: the connection ended first
  std::string head;  ///< with the status line, without the empty line
  std::string body;
  /// The value of a header as the server spells its name; "" when it is missing.
  std::string header(std::string_view name) const {
    const auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const auto begin = at + 4 + name.size();
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

/// A blocking client for tests that sends exactly the bytes that it is told to. Its own code, so that it
/// shares no mistake with the server.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~TestClient() {
    if (socket_ >= 0) ::close(socket_);
  }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  /// Whether the server took the connection.
  bool connected() const { return connected_; }
  /// The socket.
  int descriptor() const { return socket_; }

  /// Sends all bytes; false when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  /// Reads one reply with its Content-Length (`head_only`: a reply to HEAD).
  WireReply read(bool head_only = false) {
    WireReply reply;
    std::size_t end = 0;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return reply;
    reply.head = pending_.substr(0, end);
    pending_.erase(0, end + 4);
    reply.status = std::atoi(reply.head.c_str() + 9);
    const auto length = static_cast<std::size_t>(std::atoll(reply.header("Content-Length").c_str()));
    while (!head_only && pending_.size() < length)
      if (!fill()) return reply.status = 0, reply;
    if (!head_only) {
      reply.body = pending_.substr(0, length);
      pending_.erase(0, length);
    }
    return reply;
  }

  /// Sends and reads.
  WireReply ask(std::string_view bytes) {
    send(bytes);
    return read();
  }

  /// Ends its own direction, and goes on reading.
  void end_sending() { ::shutdown(socket_, SHUT_WR); }
  /// Goes away with a reset, as a client that is killed with bytes unread.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(std::exchange(socket_, -1));
  }

  /// Whether the server closes the connection, orderly and without further bytes, within ten seconds.
  bool is_closed() { return pending_.empty() && !fill() && !was_reset_; }

 private:
  bool fill() {
    pollfd waiting{socket_, POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) <= 0) {
      ADD_FAILURE() << "no bytes from the server for 10 s";
      return false;
    }
    char bytes[65536];
    const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
    was_reset_ = count < 0;
    if (count <= 0) return false;
    pending_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool was_reset_ = false;
  std::string pending_;
};

/// Whether `part` stands in `text`; shows both when it does not.
inline testing::AssertionResult contains(std::string_view text, std::string_view part) {
  if (text.find(part) != std::string_view::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "\"" << part << "\" is not in \"" << text << "\"";
}

/// Whether `condition` comes true within twenty seconds; asks again and again.
template <class Condition>
bool eventually(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

/// A POST with a body.
inline std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace amas::http
