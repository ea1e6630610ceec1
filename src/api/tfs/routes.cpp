#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "api/tfs/predict.h"
#include "api/tfs/status.h"
#include "api/tfs/target.h"
#include "api/tfs/tfs.h"
#include "base/clock.h"

namespace amas::tfs {
namespace {

// Bodies up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;
constexpr std::string_view kScores = "scores";

http::Response refuse(const Error& error) {
  return http::error_response(http_status(error.code), error.message);
}

http::Response answer(const Json& document) { return {.body = dump_json(document), .headers = {}}; }

http::Response answer(Result<std::string> body) {
  return body ? http::Response{.body = std::move(*body), .headers = {}} : refuse(body.error());
}

Result<const model::Signature*> find_signature(const model::Manifest& manifest, std::string_view name) {
  const auto found = manifest.signatures.find(std::string(name));
  if (found != manifest.signatures.end()) return &found->second;
  std::vector<std::string_view> known;
  for (const auto& [other, signature] : manifest.signatures) known.push_back(other);
  return invalid_argument(
      fmt::format("Serving signature name not found: \"{}\"; it has: {}", name, fmt::join(known, ", ")));
}

// A signature that classify can answer from: one with scores for each label.
Result<const model::Signature*> find_classifier(const model::Manifest& manifest, std::string_view name) {
  AMAS_TRY(const model::Signature* signature, find_signature(manifest, name));
  const bool has_scores =
      std::ranges::any_of(signature->outputs, [](const auto& spec) { return spec.name == kScores; });
  if (!has_scores || manifest.labels.empty())
    return unimplemented(fmt::format("signature gives no scores to classify by: \"{}\"; use :predict", name));
  return signature;
}

http::Response answer_classify(const serve::InferResponse& response, const model::Manifest& manifest) {
  const auto scores = std::ranges::find(response.outputs, kScores, &NamedTensor::name);
  if (scores == response.outputs.end()) return refuse(internal_error("the model gave no scores"));
  return answer(encode_classify(scores->tensor, manifest.labels));
}

// Decodes the body and asks the model; the reply is given now or later.
void ask(serve::ModelService& service, const http::Request& request, const Target& target,
         http::Reply reply) {
  auto manifest = service.manifest(target.model, target.version);
  if (!manifest) return reply(refuse(manifest.error()));
  if (target.verb == Verb::kRegress)
    return reply(
        refuse(unimplemented("the model is a classifier, not a regression; use :predict or :classify")));
  const bool classify = target.verb == Verb::kClassify;
  const FindSignature find = [&](std::string_view name) {
    return classify ? find_classifier(**manifest, name) : find_signature(**manifest, name);
  };
  auto question = classify ? decode_classify(request.body, find) : decode_predict(request.body, find);
  if (!question) return reply(refuse(question.error()));
  // From here on every value fits its dtype; whether the shapes fit, the service checks.
  serve::InferRequest asked{.model = target.model,
                            .version = target.version,
                            .signature = std::move(question->signature),
                            .inputs = std::move(question->inputs),
                            .request_id = request.request_id,
                            .trace_id = request.trace_id,
                            .span_id = request.span_id};
  service.infer(std::move(asked), [reply = std::move(reply), classify, rows = question->rows,
                                   manifest = std::move(*manifest)](Result<serve::InferResponse> response) {
    if (!response) return reply(refuse(response.error()));
    reply(classify ? answer_classify(*response, *manifest) : answer(encode_predict(response->outputs, rows)));
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
  const auto document = status_document(*status, target.version, created_s);
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
