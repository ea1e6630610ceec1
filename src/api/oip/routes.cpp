#include <fmt/format.h>

#include "api/oip/infer.h"
#include "api/oip/lookup.h"
#include "api/oip/metadata.h"
#include "api/oip/oip.h"
#include "api/oip/target.h"
#include "base/clock.h"

namespace amas::oip {
namespace {

// Bodies up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;
constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

http::Response refuse(const Error& error) {
  return http::error_response(http_status(error.code), error.message);
}

http::Response answer(const Json& document) { return {.body = dump_json(document), .headers = {}}; }

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
  auto manifest = find_manifest(service, {target.model, target.version});
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
                            .span_id = request.span_id,
                            .gone = request.gone};
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

http::Response describe(const serve::ModelService& service, const Target& target) {
  const ModelName name{target.model, target.version};
  const auto document = target.verb == Verb::kConfig  ? describe_config(service, name)
                        : target.verb == Verb::kModel ? describe_model(service, name)
                                                      : describe_statistics(service, name);
  return document ? answer(*document) : refuse(document.error());
}

// Loads or unloads; the reply is given when that is done, and has no body, as Triton's.
void change(serve::DeploymentControl* control, const http::Request& request, const Target& target,
            const http::Reply& reply) {
  if (control == nullptr) return reply(refuse(no_control()));
  const auto asked = request.body.empty() ? Result<Json>(Json::object()) : parse_json(request.body);
  if (!asked) return reply(refuse(asked.error()));
  const auto parameters = json_field_or<Json>(*asked, "parameters", Json::object());
  if (!parameters) return reply(refuse(parameters.error()));
  for (const auto& [key, value] : parameters->items())
    if (target.verb == Verb::kLoad || key != "unload_dependents")
      return reply(refuse(unimplemented(fmt::format(
          "parameter '{}' is not supported: models are registered with `amas model import`", key))));
  const auto done = [reply](const Status& status) {
    reply(status ? http::Response{.body = "", .headers = {}} : refuse(status.error()));
  };
  if (target.verb == Verb::kLoad) control->load(target.model, done);
  else control->unload(target.model, done);
}

http::Response list_models(const serve::ModelService& service) {
  Json names = Json::array();
  for (const serve::DeploymentStatus& status : service.deployments()) names.push_back(status.name);
  return answer({{"models", std::move(names)}});
}

http::Response list_index(const serve::ModelService& service, const serve::DeploymentControl* control,
                          std::string_view body) {
  bool only_ready = false;
  if (!body.empty()) {
    const auto asked = parse_json(body);
    if (!asked) return refuse(asked.error());
    const auto ready = json_field_or<bool>(*asked, "ready", false);
    if (!ready) return refuse(ready.error());
    only_ready = *ready;
  }
  const auto index = describe_index(service, control, only_ready);
  return index ? answer(*index) : refuse(index.error());
}

http::Response respond(const serve::ModelService& service, const serve::DeploymentControl* control,
                       const http::Request& request, const Target& target) {
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
      return list_index(service, control, request.body);
    case Verb::kModelReady:
      if (!is_ready(service, {target.model, target.version}))
        return http::error_response(400, "Model version not ready");
      return answer({{"name", target.model}, {"ready", true}});
    case Verb::kModel:
    case Verb::kConfig:
    case Verb::kStatistics:
    case Verb::kAllStatistics:
    case Verb::kInfer:
    case Verb::kLoad:
    case Verb::kUnload:
      break;
  }
  return describe(service, target);
}

}  // namespace

void add_routes(http::Router& router, serve::ModelService& service, serve::DeploymentControl* control) {
  router.add([&service, control](const http::Request& request, http::Reply& reply) {
    if (!is_target(request.path)) return false;
    auto target = parse_target(request.path);
    if (!target) reply(refuse(target.error()));
    else if (request.method != method_of(target->verb))
      reply(http::method_not_allowed(method_of(target->verb) == "GET" ? "GET, HEAD" : "POST"));
    else if (target->verb == Verb::kInfer) infer(service, request, std::move(*target), reply);
    else if (target->verb == Verb::kLoad || target->verb == Verb::kUnload)
      change(control, request, *target, reply);
    else reply(respond(service, control, request, *target));
    return true;
  });
}

}  // namespace amas::oip
