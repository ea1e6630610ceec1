#include <memory>
#include <optional>

#include "api/tfs/predict.h"
#include "api/tfs/signature.h"
#include "api/tfs/status.h"
#include "api/tfs/target.h"
#include "api/tfs/tfs.h"
#include "base/clock.h"

namespace amas::tfs {
namespace {

// Bodies up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;

http::Response refuse(const Error& error) {
  return http::error_response(http_status(error.code), error.message);
}

http::Response answer(const Json& document) { return {.body = dump_json(document), .headers = {}}; }

http::Response answer(std::string body) { return {.body = std::move(body), .headers = {}}; }

http::Response answer(Result<std::string> body) {
  return body ? answer(std::move(*body)) : refuse(body.error());
}

http::Response answer_classify(const serve::InferResponse& response, const model::Manifest& manifest) {
  const auto scores = scores_of(response.outputs, manifest.labels);
  return scores ? answer(encode_classify(**scores, manifest.labels)) : refuse(scores.error());
}

http::Response answer_regress(const serve::InferResponse& response) {
  const auto values = values_of(response.outputs);
  return values ? answer(encode_regress(*values)) : refuse(values.error());
}

Result<Question> decode(Verb verb, std::string_view body, const model::Manifest& manifest) {
  const FindSignature find = [&](std::string_view name) {
    return verb == Verb::kClassify  ? find_classifier(manifest, name)
           : verb == Verb::kRegress ? find_regression(manifest, name)
                                    : find_signature(manifest, name);
  };
  return verb == Verb::kPredict ? decode_predict(body, find) : decode_examples(body, find);
}

// Decodes the body and asks the model; the reply is given now or later.
void ask(serve::ModelService& service, const http::Request& request, const Target& target,
         http::Reply reply) {
  auto manifest = service.manifest(target.model, target.version);
  if (!manifest) return reply(refuse(manifest.error()));
  auto question = decode(target.verb, request.body, **manifest);
  if (!question) return reply(refuse(question.error()));
  // From here on every value fits its dtype; whether the shapes fit, the service checks.
  serve::InferRequest asked{.model = target.model,
                            .version = target.version,
                            .signature = std::move(question->signature),
                            .inputs = std::move(question->inputs),
                            .request_id = request.request_id,
                            .trace_id = request.trace_id,
                            .span_id = request.span_id,
                            .gone = request.gone};
  service.infer(std::move(asked), [reply = std::move(reply), verb = target.verb, rows = question->rows,
                                   manifest = std::move(*manifest)](Result<serve::InferResponse> response) {
    if (!response) return reply(refuse(response.error()));
    reply(verb == Verb::kClassify  ? answer_classify(*response, *manifest)
          : verb == Verb::kRegress ? answer_regress(*response)
                                   : answer(encode_predict(response->outputs, rows)));
  });
}

void post(serve::ModelService& service, const http::Request& request, Target target, http::Reply& reply) {
  if (request.body.size() <= kDecodeHereBytesMax) return ask(service, request, target, std::move(reply));
  const bool taken = service.run_on_compute(
      [&service, &request, reply, target = std::move(target)] { ask(service, request, target, reply); });
  if (!taken) reply(refuse(resource_exhausted("the server is too busy to read a large request; try again")));
}

http::Response get(serve::ModelService& service, const Target& target, std::int64_t created_s) {
  if (target.model.empty()) return answer(list_document(service.deployments(), created_s));
  if (target.verb == Verb::kMetadata) {
    std::int64_t version = 0;
    const auto manifest = service.manifest(target.model, target.version, &version);
    return manifest ? answer(metadata_document(target.model, version, **manifest)) : refuse(manifest.error());
  }
  const auto status = service.deployment(target.model);
  if (!status) return refuse(status.error());
  const auto version = number_of(*status, target.version);
  if (!version) return refuse(version.error());
  const auto document = status_document(*status, *version, created_s);
  return document ? answer(*document) : refuse(document.error());
}

}  // namespace

void add_routes(http::Router& router, serve::ModelService& service) {
  constexpr std::int64_t kMicroseconds = 1'000'000;
  const std::int64_t created_s = system_clock().now_us() / kMicroseconds;
  router.add([&service, created_s](const http::Request& request, http::Reply& reply) {
    if (!is_target(request.path)) return false;
    if (request.method != "GET" && request.method != "POST") {
      reply(http::method_not_allowed(parse_target("GET", request.path) ? "GET, HEAD" : "POST"));
      return true;
    }
    auto target = parse_target(request.method, request.path);
    if (!target) reply(refuse(target.error()));
    else if (request.method == "GET") reply(get(service, *target, created_s));
    else post(service, request, std::move(*target), reply);
    return true;
  });
}

}  // namespace amas::tfs
