#pragma once

#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api/grpc/server.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"

namespace amas::rpc {

/// What all calls of a server share. Threads: safe to use from several at once.
class Shared {
 public:
  Shared(const Router& router, telemetry::MetricRegistry& metrics);

  const Router& router;
  const std::shared_ptr<telemetry::Gauge> calls_in_flight;

  /// A request of this call, without its message; tells the client the ids that it sent back. All messages of
  /// a stream share those of the call.
  Request identify(grpc::GenericCallbackServerContext& context);
  /// Counts a call that has ended.
  void count(grpc::StatusCode code);

 private:
  telemetry::MetricRegistry& metrics_;
  const std::shared_ptr<telemetry::Counter> ok_;
  std::mutex mutex_;  // guards ids_
  telemetry::IdSource ids_;
};

/// Begins a call: hands what comes to the router's handler for its method, and what that answers to the
/// client. The reactor deletes itself when the call has ended.
grpc::ServerGenericBidiReactor* begin_call(Shared& shared, grpc::GenericCallbackServerContext& context);

}  // namespace amas::rpc
