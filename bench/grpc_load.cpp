// A load generator for gRPC servers on this machine: c calls in flight over one connection, n in all, each
// with the same encoded message. Prints one JSON line. With --pid it adds the CPU time that the server (and
// its children) took.
//
//   grpc_load --port 8081 --method /inference.GRPCInferenceService/ModelInfer --message request.bin --calls
//   32
//             --requests 20000 [--pid 1234]

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string port = "8081";
  std::string method;
  std::string message;
  std::size_t calls = 1;
  std::size_t requests = 1'000;
  int pid = 0;
};

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "grpc_load: %s\n", message.c_str());
  std::exit(1);
}

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--port") options.port = value;
    else if (name == "--method") options.method = value;
    else if (name == "--calls") options.calls = std::stoul(value);
    else if (name == "--requests") options.requests = std::stoul(value);
    else if (name == "--pid") options.pid = std::stoi(value);
    else if (name == "--message") {
      std::ifstream file(value, std::ios::binary);
      if (!file) stop("cannot read " + value);
      options.message.assign(std::istreambuf_iterator<char>(file), {});
    } else {
      stop("unknown option: " + name);
    }
  }
  return options;
}

/// Processor time of one process, seconds; 0 when it is gone.
double cpu_seconds_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::size_t at = name_end + 2;
  double ticks = 0;
  for (int field = 3; field <= 15; ++field) {
    const auto end = text.find(' ', at);
    if (field >= 14) ticks += std::stod(text.substr(at, end - at));
    at = end + 1;
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

int parent_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text(std::istreambuf_iterator<char>(file), {});
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos ? 0 : std::atoi(text.c_str() + name_end + 4);
}

/// The same of a process and all that it has started.
double cpu_seconds_with_children(int pid) {
  if (pid == 0) return 0;
  double seconds = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int other = std::atoi(entry.path().filename().c_str());
    int ancestor = other;
    while (ancestor > 1 && ancestor != pid) ancestor = parent_of(ancestor);
    if (other > 0 && ancestor == pid) seconds += cpu_seconds_of(other);
  }
  return seconds;
}

struct Call {
  std::unique_ptr<grpc::ClientContext> context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
  Clock::time_point sent;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = read_options(argc, argv);
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel =
      grpc::CreateCustomChannel("127.0.0.1:" + options.port, grpc::InsecureChannelCredentials(), arguments);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const grpc::Slice slice(options.message);
  const grpc::ByteBuffer question(&slice, 1);
  std::vector<Call> calls(options.calls);
  std::vector<double> latencies_us;
  std::size_t started = 0, failed = 0;
  const auto start = [&](Call& call) {
    call.context = std::make_unique<grpc::ClientContext>();
    call.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    call.sent = Clock::now();
    call.reader = stub.PrepareUnaryCall(call.context.get(), options.method, question, &queue);
    call.reader->StartCall();
    call.reader->Finish(&call.answer, &call.status, &call);
    ++started;
  };
  const double cpu_before = cpu_seconds_with_children(options.pid);
  const auto begin = Clock::now();
  for (Call& call : calls)
    if (started < options.requests) start(call);
  while (latencies_us.size() < options.requests) {
    void* tag = nullptr;
    bool ok = false;
    if (!queue.Next(&tag, &ok)) break;
    Call& call = *static_cast<Call*>(tag);
    latencies_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - call.sent).count());
    if (!call.status.ok() && ++failed == 1) stop("a call failed: " + call.status.error_message());
    if (started < options.requests) start(call);
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double cpu = cpu_seconds_with_children(options.pid) - cpu_before;
  std::ranges::sort(latencies_us);
  const auto quantile = [&](double q) {
    return latencies_us[std::min(latencies_us.size() - 1,
                                 static_cast<std::size_t>(q * static_cast<double>(latencies_us.size())))];
  };
  std::printf(
      "{\"calls\":%zu,\"requests\":%zu,\"requests_per_s\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
      "\"cpu_s_per_1000\":%.5f}\n",
      options.calls, options.requests, static_cast<double>(options.requests) / seconds, quantile(0.5),
      quantile(0.99), cpu / static_cast<double>(options.requests) * 1000);
  return 0;
}
