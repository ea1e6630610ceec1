#pragma once

#include "api/grpc/server.h"
#include "api/http/server.h"
#include "serve/control.h"
#include "serve/service.h"

namespace amas::oip {

/// Adds the Open Inference Protocol's REST interface (version 2) below /v2, with Triton's binary tensors,
/// classification and repository index. docs/dialects.md says what differs. `service` outlives the router.
/// `control`: loads and unloads models when clients ask for it; null: they may not. Outlives the router, too.
/// Source: kserve/open-inference-protocol; triton-inference-server docs/protocol.
void add_routes(http::Router& router, serve::ModelService& service,
                serve::DeploymentControl* control = nullptr);

/// Adds the same protocol over gRPC: inference.GRPCInferenceService. As above.
void add_methods(rpc::Router& router, serve::ModelService& service,
                 serve::DeploymentControl* control = nullptr);

}  // namespace amas::oip
