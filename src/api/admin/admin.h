#pragma once

#include <vector>

#include "api/http/server.h"
#include "base/json.h"
#include "monitor/watch.h"
#include "serve/service.h"

namespace amas::admin {

/// {"version","variant","state"}, and for one that failed "error": {"code","message"}. States: "loading",
/// "available", "unloading", "failed".
Json version_document(const serve::VersionStatus& status);

/// {"deployments":[{"name","default_version","generation","versions":[…],"wanted":[…]}]}.
Json deployments_document(const std::vector<serve::DeploymentStatus>& all);

/// Adds amas's own interface below /api/v1 (docs/dialects.md): GET /api/v1/monitor, what the watch has found;
/// GET /api/v1/deployments, what is served and in which state; GET /api/v1/version. `service` and `watch`
/// outlive the router.
void add_routes(http::Router& router, serve::ModelService& service, monitor::Watch& watch);

}  // namespace amas::admin
