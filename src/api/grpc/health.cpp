#include <algorithm>

#include "api/grpc/standard.h"
#include "grpc_health.pb.h"

namespace amas::rpc {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

void add_health(Router& router, std::function<bool()> is_ready) {
  router.add("/grpc.health.v1.Health/Check", [&router, is_ready = std::move(is_ready)](const Request& request,
                                                                                       const Reply& reply) {
    HealthCheckRequest asked;
    if (!asked.ParseFromArray(request.message.data(), static_cast<int>(request.message.size())))
      return reply(invalid_argument("the message cannot be read"));
    const auto services = router.services();
    const bool known =
        asked.service().empty() || std::ranges::find(services, asked.service()) != services.end();
    if (!known) return reply(not_found("unknown service: " + asked.service()));
    HealthCheckResponse response;
    response.set_status(is_ready() ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING);
    reply(response.SerializeAsString());
  });
}

}  // namespace amas::rpc
