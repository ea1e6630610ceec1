// A load generator for HTTP servers on this machine: c keep-alive connections, each with one request at a
// time, n requests in all. Checks every reply and prints one JSON line. With --pid it adds the CPU time that
// the server took.
//
//   http_load --port 8080 --path /v1/models/spam:predict --body request.json --connections 64 --requests
//   20000
//             [--expect text] [--pid 1234]

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kConnectionsMax = 1'024;
constexpr std::size_t kRequestsMax = 10'000'000;
constexpr int kStallMs = 10'000;

struct Options {
  std::uint16_t port = 8080;
  std::string path = "/";
  std::string body;
  std::string expect;
  std::size_t connections = 1;
  std::size_t requests = 1'000;
  int pid = 0;
};

struct Client {
  int socket = -1;
  std::string in;
  Clock::time_point sent;
};

struct Outcome {
  std::size_t failed = 0;
  std::string first_failure;
  std::vector<double> latencies_us;
  double seconds = 0;
};

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "http_load: %s\n", message.c_str());
  std::exit(1);
}

/// User and system time of a process, in seconds.
double cpu_seconds(int pid) {
  clockid_t clock = 0;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    stop("no such process: " + std::to_string(pid));
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    stop("nothing listens on 127.0.0.1:" + std::to_string(port));
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

std::string make_request(const Options& options) {
  const std::string head =
      options.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: http_load\r\nAccept: */*\r\n";
  if (options.body.empty()) return "GET " + head + "\r\n";
  return "POST " + head +
         "Content-Type: application/json\r\nContent-Length: " + std::to_string(options.body.size()) +
         "\r\n\r\n" + options.body;
}

/// The length of the reply at the front of `in`; 0 while it has not come whole.
std::size_t reply_bytes(std::string_view in) {
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const auto at = in.substr(0, end).find(kLength);
  const std::size_t length =
      at == std::string_view::npos ? 0 : std::strtoull(in.data() + at + kLength.size(), nullptr, 10);
  return in.size() >= end + 4 + length ? end + 4 + length : 0;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), request_(make_request(options)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  Outcome run() {
    clients_.resize(options_.connections);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i].socket = connect_to(options_.port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].socket, &event);
    }
    outcome_.latencies_us.reserve(options_.requests);
    const auto begin = Clock::now();
    for (Client& client : clients_) ask(client);
    while (answered_ < options_.requests) wait();
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    for (Client& client : clients_) ::close(client.socket);
    ::close(epoll_);
    return std::move(outcome_);
  }

 private:
  void ask(Client& client) {
    if (asked_ >= options_.requests) return;
    ++asked_;
    client.sent = Clock::now();
    // Requests are smaller than a socket's buffer, so that a blocking send does not block.
    if (::send(client.socket, request_.data(), request_.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request_.size()))
      stop("the server closed a connection");
  }

  void wait() {
    epoll_event events[256];
    const int count = ::epoll_wait(epoll_, events, 256, kStallMs);
    if (count <= 0) stop("no reply for 10 s");
    for (int i = 0; i < count; ++i) take(clients_[events[i].data.u64]);
  }

  void take(Client& client) {
    char bytes[65536];
    const auto count = ::recv(client.socket, bytes, sizeof bytes, 0);
    if (count <= 0) stop("the server closed a connection");
    client.in.append(bytes, static_cast<std::size_t>(count));
    const std::size_t length = reply_bytes(client.in);
    if (length == 0) return;
    outcome_.latencies_us.push_back(
        std::chrono::duration<double, std::micro>(Clock::now() - client.sent).count());
    const bool is_right = client.in.starts_with("HTTP/1.1 200 ") && length == client.in.size() &&
                          client.in.find(options_.expect) != std::string::npos;
    if (!is_right && outcome_.failed++ == 0) outcome_.first_failure = client.in.substr(0, 500);
    client.in.clear();
    ++answered_;
    ask(client);
  }

  const Options& options_;
  const std::string request_;
  const int epoll_;
  std::vector<Client> clients_;
  std::size_t asked_ = 0;
  std::size_t answered_ = 0;
  Outcome outcome_;
};

std::string read_body(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) stop("cannot read " + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    const char* value = arguments[i + 1];
    if (name == "--port") options.port = static_cast<std::uint16_t>(std::atoi(value));
    else if (name == "--path") options.path = value;
    else if (name == "--body") options.body = read_body(value);
    else if (name == "--expect") options.expect = value;
    else if (name == "--connections") options.connections = std::strtoull(value, nullptr, 10);
    else if (name == "--requests") options.requests = std::strtoull(value, nullptr, 10);
    else if (name == "--pid") options.pid = std::atoi(value);
    else stop("unknown option: " + std::string(name));
  }
  if (count % 2 == 0) stop("an option has no value");
  options.connections = std::clamp<std::size_t>(options.connections, 1, kConnectionsMax);
  options.requests = std::clamp<std::size_t>(options.requests, 1, kRequestsMax);
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  const Options options = parse(count, arguments);
  const double cpu_before = options.pid > 0 ? cpu_seconds(options.pid) : 0;
  Outcome outcome = Load(options).run();
  const double cpu = options.pid > 0 ? cpu_seconds(options.pid) - cpu_before : 0;
  auto& latencies = outcome.latencies_us;
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double q) {
    return latencies[std::min(latencies.size() - 1,
                              static_cast<std::size_t>(q * static_cast<double>(latencies.size())))];
  };
  const auto requests = static_cast<double>(options.requests);
  std::printf(
      "{\"connections\":%zu,\"requests\":%zu,\"failed\":%zu,\"requests_per_s\":%.0f,\"p50_us\":%.1f,\"p99_"
      "us\":%.1f",
      options.connections, options.requests, outcome.failed, requests / outcome.seconds, at(0.5), at(0.99));
  if (options.pid > 0) std::printf(",\"cpu_s_per_1000\":%.5f", cpu / requests * 1'000);
  std::printf("}\n");
  if (outcome.failed > 0) std::fprintf(stderr, "first wrong reply:\n%s\n", outcome.first_failure.c_str());
  return outcome.failed > 0 ? 1 : 0;
}
