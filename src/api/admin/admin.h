#pragma once

#include "api/http/server.h"
#include "monitor/watch.h"
#include "serve/service.h"

namespace amas::admin {

/// Adds amas's own interface below /api/v1 (docs/dialects.md): GET /api/v1/monitor, what the watch has found;
/// GET /api/v1/deployments, what is served and in which state; GET /api/v1/version. `service` and `watch`
/// outlive the router.
void add_routes(http::Router& router, serve::ModelService& service, monitor::Watch& watch);

}  // namespace amas::admin
