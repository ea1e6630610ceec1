#pragma once

#include "api/grpc/server.h"
#include "api/http/server.h"
#include "serve/service.h"

namespace amas::tfs {

/// Adds TensorFlow Serving's REST interface below /v1/models: predict, classify, regress, status, metadata;
/// and the list of models, which TensorFlow Serving lacks. docs/dialects.md says what differs. `service`
/// outlives the router. Source: tensorflow/serving g3doc/api_rest.md.
void add_routes(http::Router& router, serve::ModelService& service);

/// Adds the same over gRPC: tensorflow.serving.PredictionService and ModelService. `service` outlives the
/// router.
void add_methods(rpc::Router& router, serve::ModelService& service);

}  // namespace amas::tfs
