#include "api/grpc/server.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <thread>

#include "api/grpc/message.h"
#include "api/grpc/standard.h"
#include "grpc_health.pb.h"
#include "grpc_reflection.pb.h"

namespace amas::rpc {
namespace {

using namespace std::chrono_literals;

/// A client of any method, one call at a time.
class Client {
 public:
  explicit Client(std::uint16_t port) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port),
                                         grpc::InsecureChannelCredentials(), arguments);
  }

  struct Answer {
    grpc::Status status;
    std::string message;
    std::multimap<std::string, std::string> metadata;
  };
  using Prepare = std::function<void(grpc::ClientContext&)>;

  Answer call(const std::string& method, std::string message, const Prepare& prepare = {}) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    if (prepare) prepare(context);
    grpc::ByteBuffer question = to_buffer(std::move(message)), answer;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareUnaryCall(&context, method, question, &queue);
    call->StartCall();
    Answer result;
    call->Finish(&answer, &result.status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    if (result.status.ok()) result.message = std::string(ReceivedMessage::of(answer)->bytes());
    for (const auto& [key, value] : context.GetServerInitialMetadata())
      result.metadata.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    return result;
  }

  /// Sends all messages, closes, and reads to the end.
  std::pair<grpc::Status, std::vector<std::string>> stream(const std::string& method,
                                                           const std::vector<std::string>& messages) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, method, &queue);
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(nullptr);
    wait();
    for (const std::string& message : messages) {
      call->Write(to_buffer(message), nullptr);
      if (!wait()) break;
    }
    call->WritesDone(nullptr);
    wait();
    std::vector<std::string> answers;
    while (true) {
      grpc::ByteBuffer answer;
      call->Read(&answer, nullptr);
      if (!wait()) break;
      answers.emplace_back(ReceivedMessage::of(answer)->bytes());
    }
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return {status, answers};
  }

  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

 private:
  std::shared_ptr<grpc::Channel> channel_;
};

class GrpcServer : public testing::Test {
 protected:
  GrpcServer() {
    router_.add("/test.Test/Echo",
                [](const Request& request, const Reply& reply) { reply(std::string(request.message)); });
    router_.add("/test.Test/Ids", [](const Request& request, const Reply& reply) {
      reply(request.request_id + " " + request.trace_id + " " + request.span_id);
    });
    router_.add("/test.Test/Refuse", [](const Request&, const Reply& reply) {
      reply(failed_precondition("not today; come tomorrow"));
    });
    router_.add("/test.Test/Forget", [](const Request&, const Reply&) {});
    router_.add("/test.Test/Late", [this](const Request&, const Reply& reply) {
      const std::scoped_lock lock(mutex_);
      late_.push_back(reply);
    });
    router_.add_stream("/test.Test/Twice",
                       [this](const Request& request, const std::shared_ptr<StreamReply>& stream) {
                         // The second answer of each message is given later, of the last message first.
                         stream->send(std::string(request.message) + "1");
                         const std::scoped_lock lock(mutex_);
                         twice_.emplace_back(std::string(request.message) + "2", stream);
                         if (twice_.size() < 3) return;
                         later_ = std::async(std::launch::async, [held = std::move(twice_)]() mutable {
                           for (auto it = held.rbegin(); it != held.rend(); ++it) {
                             it->second->send(it->first);
                             it->second.reset();
                           }
                         });
                         twice_.clear();
                       });
    add_health(router_, [this] { return is_ready_.load(); });
    add_reflection(router_);
  }

  std::uint16_t start(ServerOptions options = {}) {
    auto server = Server::start(options, router_, metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
    return server_->port();
  }

  telemetry::MetricRegistry metrics_;
  Router router_;
  std::mutex mutex_;
  std::vector<Reply> late_;
  std::vector<std::pair<std::string, std::shared_ptr<StreamReply>>> twice_;
  std::future<void> later_;
  std::atomic<bool> is_ready_{true};
  std::unique_ptr<Server> server_;
};

TEST_F(GrpcServer, answers_small_and_large_messages) {
  Client client(start());
  for (const std::size_t size : {0u, 1u, 5'000u, 3'000'000u}) {
    std::string message(size, 'x');
    if (size > 0) message.back() = 'y';
    const auto answer = client.call("/test.Test/Echo", message);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_TRUE(answer.message == message) << size;
  }
}

TEST_F(GrpcServer, passes_errors_on_and_names_unknown_methods) {
  Client client(start());
  const auto refused = client.call("/test.Test/Refuse", "");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(refused.status.error_message(), "not today; come tomorrow");
  EXPECT_EQ(client.call("/test.Test/Forget", "").status.error_code(), grpc::StatusCode::INTERNAL);
  const auto unknown = client.call("/test.Test/Nope", "");
  EXPECT_EQ(unknown.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_NE(unknown.status.error_message().find("/test.Test/Nope"), std::string::npos);
  const std::string text = metrics_.render();
  EXPECT_NE(text.find("amas_grpc_calls_total{code=\"FAILED_PRECONDITION\"} 1"), std::string::npos) << text;
}

TEST_F(GrpcServer, takes_over_trace_and_request_ids) {
  Client client(start());
  const auto answer = client.call("/test.Test/Ids", "", [](grpc::ClientContext& context) {
    context.AddMetadata("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    context.AddMetadata("x-request-id", "mine");
  });
  ASSERT_TRUE(answer.message.starts_with("mine 0af7651916cd43dd8448eb211c80319c ")) << answer.message;
  const std::string span = answer.message.substr(answer.message.rfind(' ') + 1);
  EXPECT_EQ(answer.metadata.find("x-request-id")->second, "mine");
  EXPECT_EQ(answer.metadata.find("traceparent")->second,
            "00-0af7651916cd43dd8448eb211c80319c-" + span + "-01");
  const auto other = client.call("/test.Test/Ids", "");
  EXPECT_EQ(other.message.size(), 16u + 1 + 32 + 1 + 16);
  EXPECT_FALSE(other.metadata.contains("traceparent"));
}

TEST_F(GrpcServer, answers_a_stream_in_the_order_of_its_messages) {
  Client client(start());
  const auto [status, answers] = client.stream("/test.Test/Twice", {"a", "b", "c", "d", "e", "f"});
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answers, (std::vector<std::string>{"a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2", "e1", "e2",
                                               "f1", "f2"}));
}

TEST_F(GrpcServer, refuses_messages_and_metadata_beyond_its_limits) {
  Client client(start({.message_bytes_max = 100'000, .metadata_bytes_max = 2'000}));
  EXPECT_TRUE(client.call("/test.Test/Echo", std::string(100'000, 'x')).status.ok());
  EXPECT_EQ(client.call("/test.Test/Echo", std::string(100'001, 'x')).status.error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // A bomb: 50 MB of zeros are 50 kB when compressed.
  const auto bomb = client.call("/test.Test/Echo", std::string(50'000'000, '\0'),
                                [](auto& context) { context.set_compression_algorithm(GRPC_COMPRESS_GZIP); });
  EXPECT_EQ(bomb.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << bomb.status.error_message();
  const auto headers = client.call("/test.Test/Echo", "x", [](grpc::ClientContext& context) {
    context.AddMetadata("x-long", std::string(4'000, 'x'));
  });
  EXPECT_FALSE(headers.status.ok());
  // That costs the connection; others do not notice.
  EXPECT_TRUE(Client(server_->port()).call("/test.Test/Echo", "still there").status.ok());
}

TEST_F(GrpcServer, reads_compressed_messages) {
  Client client(start());
  const std::string text(100'000, 'z');
  const auto answer = client.call("/test.Test/Echo", text, [](grpc::ClientContext& context) {
    context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  });
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_TRUE(answer.message == text);
}

TEST_F(GrpcServer, survives_clients_that_leave) {
  const std::uint16_t port = start();
  {
    Client client(port);
    grpc::GenericStub stub(client.channel());
    for (int i = 0; i < 20; ++i) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + (i % 2 == 0 ? 1ms : 20ms));
      grpc::ByteBuffer question = to_buffer("x"), answer;
      std::promise<grpc::Status> done;
      stub.UnaryCall(&context, i % 3 == 0 ? "/test.Test/Echo" : "/test.Test/Late", {}, &question, &answer,
                     [&](const grpc::Status& status) { done.set_value(status); });
      const grpc::Status status = done.get_future().get();
      if (i % 3 != 0) {
        EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
      }
    }
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, "/test.Test/Twice", &queue);
    void* tag = nullptr;
    bool ok = false;
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    call->Write(to_buffer("a"), nullptr);
    queue.Next(&tag, &ok);
    context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  }
  Client client(port);
  EXPECT_TRUE(client.call("/test.Test/Echo", "still there").status.ok());
  const std::scoped_lock lock(mutex_);
  for (Reply& reply : late_) reply(std::string("too late"));
  twice_.clear();
}

TEST_F(GrpcServer, drains) {
  Client client(start());
  auto slow = std::async(std::launch::async, [&] { return client.call("/test.Test/Late", "x"); });
  Reply reply;
  while (!reply) {
    const std::scoped_lock lock(mutex_);
    if (!late_.empty()) reply = std::exchange(late_.front(), nullptr);
  }
  auto drained = std::async(std::launch::async, [&] { server_->drain(10'000'000); });
  EXPECT_EQ(drained.wait_for(50ms), std::future_status::timeout);
  reply(std::string("in time"));
  drained.get();
  EXPECT_EQ(slow.get().message, "in time");
}

TEST_F(GrpcServer, says_what_to_do_when_its_port_is_taken) {
  const std::uint16_t port = start();
  const auto second = Server::start({.port = port}, router_, metrics_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_NE(second.error().message.find("--grpc-port"), std::string::npos);
  EXPECT_FALSE(Server::start({.address = "0.0.0.0"}, router_, metrics_));
}

TEST_F(GrpcServer, tells_its_health) {
  Client client(start());
  const auto check = [&](const std::string& service) {
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    const auto answer = client.call("/grpc.health.v1.Health/Check", request.SerializeAsString());
    grpc::health::v1::HealthCheckResponse response;
    response.ParseFromString(answer.message);
    return std::pair(answer.status.error_code(), response.status());
  };
  using Response = grpc::health::v1::HealthCheckResponse;
  EXPECT_EQ(check(""), std::pair(grpc::StatusCode::OK, Response::SERVING));
  EXPECT_EQ(check("test.Test"), std::pair(grpc::StatusCode::OK, Response::SERVING));
  EXPECT_EQ(check("nope").first, grpc::StatusCode::NOT_FOUND);
  is_ready_ = false;
  EXPECT_EQ(check(""), std::pair(grpc::StatusCode::OK, Response::NOT_SERVING));
}

TEST_F(GrpcServer, reflects_its_services) {
  Client client(start());
  const auto ask = [&](const char* version, const grpc::reflection::v1::ServerReflectionRequest& request) {
    const auto [status, answers] =
        client.stream(std::string("/grpc.reflection.") + version + ".ServerReflection/ServerReflectionInfo",
                      {request.SerializeAsString()});
    EXPECT_TRUE(status.ok());
    grpc::reflection::v1::ServerReflectionResponse response;
    EXPECT_EQ(answers.size(), 1u);
    if (!answers.empty()) response.ParseFromString(answers[0]);
    return response;
  };
  grpc::reflection::v1::ServerReflectionRequest request;
  request.set_list_services("");
  const auto services = ask("v1alpha", request).list_services_response();
  ASSERT_EQ(services.service_size(), 2);
  EXPECT_EQ(services.service(0).name(), "grpc.health.v1.Health");
  request.set_file_containing_symbol("grpc.health.v1.Health");
  EXPECT_EQ(ask("v1", request).file_descriptor_response().file_descriptor_proto_size(), 1);
  request.set_file_containing_symbol("no.Such");
  EXPECT_EQ(ask("v1", request).error_response().error_code(), 5);
}

}  // namespace
}  // namespace amas::rpc
