#include <fmt/format.h>

#include <algorithm>

#include "api/oip/infer.h"
#include "api/oip/metadata.h"
#include "api/oip/oip.h"
#include "api/oip/target.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

namespace amas::oip {
namespace {

// Bodies up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;
constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

http::Response refuse(const Error& error) {
  return http::error_response(http_status(error.code), error.message);
}

http::Response answer(const Json& document) { return {.body = dump_json(document), .headers = {}}; }

// The manifest that a target names; a missing one in Triton's words.
Result<std::shared_ptr<const model::Manifest>> find_manifest(const serve::ModelService& service,
                                                             const Target& target) {
  auto manifest = service.manifest(target.model, target.version);
  if (manifest || manifest.error().code != Code::kNotFound) return manifest;
  const std::string version = target.version ? fmt::format(" version {}", *target.version) : "";
  const bool known = target.version && service.deployment(target.model);
  std::vector<std::string> names;
  for (const serve::DeploymentStatus& status : service.deployments()) names.push_back(status.name);
  const auto meant =
      known ? std::nullopt : nearest(cut_utf8(target.model, limits::kModelNameBytesMax), names);
  return not_found(fmt::format("Request for unknown model: '{}'{} is not found{}", target.model,
                               known ? version : "", meant ? "; did you mean '" + *meant + "'?" : ""));
}

http::Response answer_infer(Result<Answer> encoded) {
  if (!encoded) return refuse(encoded.error());
  http::Response response{.body = std::move(encoded->body), .headers = {}};
  if (!encoded->json_bytes) return response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back(kHeaderLength, fmt::to_string(*encoded->json_bytes));
  return response;
}

Result<Question> decode(const http::Request& request, const Target& target, const model::Manifest& manifest) {
  const std::string_view header = request.header(kHeaderLength);
  AMAS_TRY(const Body body, divide_body(request.body, header));
  if (body.json.empty() && !header.empty()) return decode_raw(request.body, target.model, manifest);
  return decode_infer(body, target.model, manifest);
}

// Decodes the body and asks the model; the reply is given now or later.
void ask(serve::ModelService& service, const http::Request& request, const Target& target,
         http::Reply reply) {
  auto manifest = find_manifest(service, target);
  if (!manifest) return reply(refuse(manifest.error()));
  auto question = decode(request, target, **manifest);
  if (!question) return reply(refuse(question.error()));
  // From here on the inputs fit the signature.
  const std::int64_t timeout_us = question->timeout_us;
  serve::InferRequest asked{.model = target.model,
                            .version = target.version,
                            .signature = question->signature,
                            .inputs = std::move(question->inputs),
                            .deadline_us = timeout_us > 0 ? system_clock().steady_us() + timeout_us : 0,
                            .request_id = request.request_id,
                            .trace_id = request.trace_id,
                            .span_id = request.span_id};
  service.infer(std::move(asked), [reply = std::move(reply), name = target.model,
                                   question = std::move(*question),
                                   manifest = std::move(*manifest)](Result<serve::InferResponse> response) {
    if (!response) return reply(refuse(response.error()));
    reply(answer_infer(encode_infer(question, name, response->version, response->outputs, manifest->labels)));
  });
}

void infer(serve::ModelService& service, const http::Request& request, Target target, http::Reply& reply) {
  if (request.body.size() <= kDecodeHereBytesMax) return ask(service, request, target, std::move(reply));
  const bool taken = service.run_on_compute(
      [&service, &request, reply, target = std::move(target)] { ask(service, request, target, reply); });
  if (!taken) reply(refuse(resource_exhausted("the server is too busy to read a large request; try again")));
}

bool is_ready(const serve::ModelService& service, const Target& target) {
  const auto status = service.deployment(target.model);
  if (!status) return false;
  const std::int64_t version = target.version.value_or(status->default_version);
  return std::ranges::any_of(status->versions, [&](const serve::VersionStatus& one) {
    return one.version == version && one.state == serve::VersionState::kAvailable;
  });
}

http::Response describe(const serve::ModelService& service, const Target& target) {
  const auto manifest = find_manifest(service, target);
  if (!manifest) return refuse(manifest.error());
  if (target.verb == Verb::kConfig) return answer(config_document(target.model, **manifest));
  std::vector<std::int64_t> versions;
  if (target.version) versions.push_back(*target.version);
  else if (const auto status = service.deployment(target.model))
    for (const serve::VersionStatus& one : status->versions)
      if (one.state == serve::VersionState::kAvailable) versions.push_back(one.version);
  return answer(model_document(target.model, versions, **manifest));
}

http::Response list_models(const serve::ModelService& service) {
  Json names = Json::array();
  for (const serve::DeploymentStatus& status : service.deployments()) names.push_back(status.name);
  return answer({{"models", std::move(names)}});
}

http::Response list_index(const serve::ModelService& service, std::string_view body) {
  bool only_ready = false;
  if (!body.empty()) {
    const auto asked = parse_json(body);
    if (!asked) return refuse(asked.error());
    const auto ready = json_field_or<bool>(*asked, "ready", false);
    if (!ready) return refuse(ready.error());
    only_ready = *ready;
  }
  return answer(index_document(service.deployments(), only_ready));
}

http::Response respond(const serve::ModelService& service, const http::Request& request,
                       const Target& target) {
  switch (target.verb) {
    case Verb::kServer:
      return answer(server_document());
    case Verb::kLive:
      return answer({{"live", true}});
    case Verb::kServerReady: {
      const bool ready = service.ready();
      http::Response response = answer({{"ready", ready}});
      if (!ready) response.status = 400;  // Triton's status
      return response;
    }
    case Verb::kModels:
      return list_models(service);
    case Verb::kIndex:
      return list_index(service, request.body);
    case Verb::kModelReady:
      if (!is_ready(service, target)) return http::error_response(400, "Model version not ready");
      return answer({{"name", target.model}, {"ready", true}});
    case Verb::kModel:
    case Verb::kConfig:
    case Verb::kInfer:
      break;
  }
  return describe(service, target);
}

}  // namespace

void add_routes(http::Router& router, serve::ModelService& service) {
  router.add([&service](const http::Request& request, http::Reply& reply) {
    if (!is_target(request.path)) return false;
    auto target = parse_target(request.path);
    if (!target) reply(refuse(target.error()));
    else if (request.method != method_of(target->verb))
      reply(http::method_not_allowed(method_of(target->verb) == "GET" ? "GET, HEAD" : "POST"));
    else if (target->verb == Verb::kInfer) infer(service, request, std::move(*target), reply);
    else reply(respond(service, request, *target));
    return true;
  });
}

}  // namespace amas::oip
