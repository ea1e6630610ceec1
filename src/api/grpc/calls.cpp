#include "api/grpc/calls.h"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <optional>
#include <utility>

#include "api/grpc/message.h"
#include "base/clock.h"
#include "base/log.h"

namespace amas::rpc {
namespace {

std::string_view view_of(grpc::string_ref text) { return {text.data(), text.size()}; }

std::string_view metadata_of(const grpc::GenericCallbackServerContext& context, const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : view_of(found->second);
}

std::int64_t deadline_of(const grpc::GenericCallbackServerContext& context) {
  using namespace std::chrono;
  const auto deadline = context.deadline();
  if (deadline == system_clock::time_point::max()) return 0;
  const std::int64_t left_us = duration_cast<microseconds>(deadline - system_clock::now()).count();
  return amas::system_clock().steady_us() + std::max<std::int64_t>(left_us, 0);
}

/// What every call does: it is counted while it lasts, and deletes itself behind its end.
class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(Shared& shared, grpc::GenericCallbackServerContext& context) : shared_(shared), context_(context) {
    shared_.calls_in_flight->add(1);
  }
  ~Call() override { shared_.calls_in_flight->add(-1); }
  void OnDone() override { delete this; }

 protected:
  void end(const grpc::Status& status) {
    shared_.count(status.error_code());
    Finish(status);
  }
  Shared& shared() { return shared_; }
  grpc::GenericCallbackServerContext& context() { return context_; }

 private:
  Shared& shared_;
  grpc::GenericCallbackServerContext& context_;
};

class UnknownCall final : public Call {
 public:
  UnknownCall(Shared& shared, grpc::GenericCallbackServerContext& context) : Call(shared, context) {
    end({grpc::StatusCode::UNIMPLEMENTED, fmt::format("unknown method: {}", context.method())});
  }
};

/// One message, one reply.
class UnaryCall final : public Call {
 public:
  UnaryCall(Shared& shared, grpc::GenericCallbackServerContext& context, const Handler& handler)
      : Call(shared, context), handler_(handler) {
    StartRead(&in_);
  }

  void OnCancel() override { gone_->store(true, std::memory_order_relaxed); }

  void OnReadDone(bool ok) override {
    if (!ok) return end({grpc::StatusCode::INVALID_ARGUMENT, "the call brought no message"});
    auto message = ReceivedMessage::of(in_);
    if (!message) return end(to_status(message.error()));
    in_.Clear();
    message_ = std::move(*message);
    request_ = shared().identify(context());
    request_.gone = gone_;
    request_.message = message_.bytes();
    auto ticket = std::make_shared<Ticket>(*this);
    try {
      handler_(request_, [ticket](Result<std::string> reply) { ticket->answer(std::move(reply)); });
    } catch (const std::exception& error) {
      log::error("grpc_handler_threw", {{"method", context().method()}, {"error", error.what()}});
    }
  }

 private:
  /// Sees to it that there is exactly one reply.
  class Ticket {
   public:
    explicit Ticket(UnaryCall& call) : call_(&call) {}
    ~Ticket() { answer(internal_error("the request was dropped; see the server's log")); }
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    void answer(Result<std::string> reply) {
      if (UnaryCall* call = call_.exchange(nullptr)) call->reply(std::move(reply));
    }

   private:
    std::atomic<UnaryCall*> call_;
  };

  void reply(Result<std::string> reply) {
    if (!reply) return end(to_status(reply.error()));
    out_ = to_buffer(std::move(*reply));
    shared().count(grpc::StatusCode::OK);
    StartWriteAndFinish(&out_, {}, grpc::Status::OK);
  }

  const Handler& handler_;
  const std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
  grpc::ByteBuffer in_, out_;
  ReceivedMessage message_;
  Request request_;
};

/// A bidirectional stream. Several messages are in work at once; their replies wait for each other, so that
/// they go out in the order of the messages.
class StreamCall final : public Call {
 public:
  StreamCall(Shared& shared, grpc::GenericCallbackServerContext& context, const StreamHandler& handler)
      : Call(shared, context), handler_(handler), request_(shared.identify(context)) {
    request_.gone = gone_;
    StartRead(&in_);
  }

  void OnReadDone(bool ok) override {
    auto slot = std::make_shared<Slot>();
    Status readable;
    if (ok) readable = take_message(*slot);
    std::optional<grpc::Status> over;
    {
      const std::scoped_lock lock(mutex_);
      is_reading_ = false;
      if (ok && readable) slots_.push_back(slot);
      else has_all_ = true;
      if (!readable) error_ = readable.error();
      over = advance();
    }
    if (over) return end(*over);
    if (ok && readable) handle(slot);
  }

  void OnWriteDone(bool ok) override {
    change([&] {
      is_writing_ = false;
      is_broken_ |= !ok;
    });
  }

  void OnCancel() override {
    gone_->store(true, std::memory_order_relaxed);
    change([&] { is_broken_ = true; });
  }

 private:
  /// One message of the client, and what was answered to it but has not been sent.
  struct Slot {
    ReceivedMessage message;
    Request request;
    std::deque<std::string> replies;
    bool is_closed = false;
  };

  class Sender final : public StreamReply {
   public:
    Sender(StreamCall& call, std::shared_ptr<Slot> slot) : call_(call), slot_(std::move(slot)) {}
    ~Sender() override {
      call_.change([&] { slot_->is_closed = true; });
    }
    void send(std::string message) override {
      call_.change([&] { slot_->replies.push_back(std::move(message)); });
    }

   private:
    StreamCall& call_;
    const std::shared_ptr<Slot> slot_;
  };

  Status take_message(Slot& slot) {
    AMAS_TRY(slot.message, ReceivedMessage::of(in_));
    in_.Clear();
    slot.request = request_;
    slot.request.message = slot.message.bytes();
    return {};
  }

  void handle(const std::shared_ptr<Slot>& slot) {
    try {
      handler_(slot->request, std::make_shared<Sender>(*this, slot));
    } catch (const std::exception& error) {
      log::error("grpc_handler_threw", {{"method", context().method()}, {"error", error.what()}});
    }
  }

  /// Changes something, and does what can be done then. When that was the last, the call is gone.
  template <class Change>
  void change(Change make) {
    std::optional<grpc::Status> over;
    {
      const std::scoped_lock lock(mutex_);
      make();
      over = advance();
    }
    if (over) end(*over);
  }

  /// Under the lock: does what can be done next; returns how the call ends, once, when nothing is left.
  std::optional<grpc::Status> advance() {
    while (!slots_.empty() && !is_writing_) {
      Slot& front = *slots_.front();
      if (is_broken_) front.replies.clear();
      if (!front.replies.empty()) {
        out_ = to_buffer(std::move(front.replies.front()));
        front.replies.pop_front();
        is_writing_ = true;
        StartWrite(&out_);
      } else if (front.is_closed) {
        slots_.pop_front();
      } else {
        break;
      }
    }
    if (!is_reading_ && !has_all_ && !is_broken_ && slots_.size() < limits::kMessagesPerStreamMax) {
      is_reading_ = true;
      StartRead(&in_);
    }
    const bool is_over = (has_all_ || is_broken_) && slots_.empty() && !is_reading_ && !is_writing_;
    if (!is_over || std::exchange(has_ended_, true)) return std::nullopt;
    if (error_) return to_status(*error_);
    return is_broken_ ? grpc::Status::CANCELLED : grpc::Status::OK;
  }

  const StreamHandler& handler_;
  const std::shared_ptr<std::atomic<bool>> gone_ = std::make_shared<std::atomic<bool>>(false);
  Request request_;  ///< without a message; never changed again
  grpc::ByteBuffer in_, out_;
  std::mutex mutex_;  // guards the next
  std::deque<std::shared_ptr<Slot>> slots_;
  bool is_reading_ = true;
  bool is_writing_ = false;
  bool has_all_ = false;    ///< the client sends no more
  bool is_broken_ = false;  ///< the client is gone
  bool has_ended_ = false;
  std::optional<Error> error_;
};

std::shared_ptr<telemetry::Counter> counter_of(telemetry::MetricRegistry& metrics, std::string_view code) {
  return metrics.counter("amas_grpc_calls_total", "gRPC calls that have ended, by status.",
                         {{"code", std::string(code)}});
}

}  // namespace

Shared::Shared(const Router& routes, telemetry::MetricRegistry& metrics)
    : router(routes),
      calls_in_flight(metrics.gauge("amas_grpc_calls_in_flight", "gRPC calls that have not ended.")),
      metrics_(metrics),
      ok_(counter_of(metrics, "OK")) {}

Request Shared::identify(grpc::GenericCallbackServerContext& context) {
  Request request;
  request.deadline_us = deadline_of(context);
  const std::string_view id = metadata_of(context, "x-request-id");
  const auto parent = telemetry::parse_traceparent(metadata_of(context, "traceparent"));
  if (telemetry::request_id_is_plain(id)) request.request_id = id;
  if (parent) request.trace_id = parent->trace_id;
  {
    const std::scoped_lock lock(mutex_);
    ids_.make(16, request.span_id);
    if (request.request_id.empty()) ids_.make(16, request.request_id);
    if (request.trace_id.empty()) ids_.make(32, request.trace_id);
  }
  if (!id.empty()) context.AddInitialMetadata("x-request-id", request.request_id);
  if (parent)
    context.AddInitialMetadata("traceparent",
                               fmt::format("00-{}-{}-{}", request.trace_id, request.span_id, parent->flags));
  return request;
}

void Shared::count(grpc::StatusCode code) {
  if (code == grpc::StatusCode::OK) return ok_->add();
  counter_of(metrics_, code_name(static_cast<Code>(code)))->add();
}

grpc::ServerGenericBidiReactor* begin_call(Shared& shared, grpc::GenericCallbackServerContext& context) {
  if (const Handler* handler = shared.router.unary(context.method()))
    return new UnaryCall(shared, context, *handler);
  if (const StreamHandler* handler = shared.router.stream(context.method()))
    return new StreamCall(shared, context, *handler);
  return new UnknownCall(shared, context);
}

}  // namespace amas::rpc
