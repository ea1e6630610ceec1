#pragma once

#include <functional>

#include "api/grpc/server.h"

namespace amas::rpc {

/// Adds grpc.health.v1.Health/Check: SERVING or NOT_SERVING for the whole server (an empty service) and for
/// each service of the router, NOT_FOUND for any other.
void add_health(Router& router, std::function<bool()> is_ready);

/// Adds server reflection (v1 and v1alpha) for the services of the router whose messages this program knows;
/// to be called when all have been added.
void add_reflection(Router& router);

}  // namespace amas::rpc
