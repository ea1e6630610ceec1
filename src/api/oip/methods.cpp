#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "api/oip/lookup.h"
#include "api/oip/message.h"
#include "api/oip/metadata.h"
#include "api/oip/oip.h"
#include "base/clock.h"
#include "base/json.h"

namespace amas::oip {
namespace {

// Messages up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;

std::string method(std::string_view name) { return fmt::format("/inference.GRPCInferenceService/{}", name); }

// Adds a method that is answered at once: `answer` takes the message and gives the reply.
template <class Question, class Answer>
void add(rpc::Router& router, std::string_view name, Answer answer) {
  router.add(method(name), [answer](const rpc::Request& request, const rpc::Reply& reply) {
    Question question;
    if (!question.ParseFromArray(request.message.data(), static_cast<int>(request.message.size())))
      return reply(invalid_argument("the message cannot be read"));
    auto answered = answer(question);
    if (!answered) return reply(answered.error());
    reply(answered->SerializeAsString());
  });
}

Result<ModelName> name_of(std::string_view model, std::string_view version) {
  ModelName name{std::string(model), std::nullopt};
  if (!version.empty()) {
    AMAS_TRY(name.version, read_version(version));
  }
  return name;
}

// The documents of the REST interface have the fields of the messages.
template <class Message>
Result<Message> message_of(const Json& document) {
  Message message;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status = google::protobuf::util::JsonStringToMessage(dump_json(document), &message, options);
  if (!status.ok()) return internal_error("the reply cannot be encoded: " + status.ToString());
  return message;
}

using Done = std::function<void(Result<std::string>)>;

// Decodes the message and asks the model; `done` gets the encoded response, now or later.
void ask(serve::ModelService& service, const rpc::Request& request, const InferMessage& message, Done done) {
  auto name = name_of(message.head.model_name(), message.head.model_version());
  if (!name) return done(name.error());
  auto manifest = find_manifest(service, *name);
  if (!manifest) return done(manifest.error());
  auto question = decode_message(message, **manifest);
  if (!question) return done(question.error());
  // From here on the inputs fit the signature.
  const std::int64_t timeout_us = question->timeout_us;
  std::int64_t deadline_us = timeout_us > 0 ? system_clock().steady_us() + timeout_us : request.deadline_us;
  if (request.deadline_us > 0) deadline_us = std::min(deadline_us, request.deadline_us);
  serve::InferRequest asked{.model = name->model,
                            .version = name->version,
                            .signature = question->signature,
                            .inputs = std::move(question->inputs),
                            .deadline_us = deadline_us,
                            .request_id = request.request_id,
                            .trace_id = request.trace_id,
                            .span_id = request.span_id,
                            .gone = request.gone};
  service.infer(std::move(asked), [done = std::move(done), model = std::move(name->model),
                                   question = std::move(*question),
                                   manifest = std::move(*manifest)](Result<serve::InferResponse> response) {
    if (!response) return done(response.error());
    done(encode_message(question, model, response->version, response->outputs, manifest->labels));
  });
}

// Runs `work` here, or on a compute thread when there is much to decode; false when that is too busy.
bool run_near(serve::ModelService& service, const rpc::Request& request, const std::function<void()>& work) {
  if (request.message.size() > kDecodeHereBytesMax) return service.run_on_compute(work);
  work();
  return true;
}

Error too_busy() { return resource_exhausted("the server is too busy to read a large request; try again"); }

void infer(serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply) {
  const bool taken = run_near(service, request, [&service, &request, reply] {
    const auto message = read_infer_message(request.message);
    if (!message) return reply(message.error());
    ask(service, request, *message, reply);
  });
  if (!taken) reply(too_busy());
}

// A stream's response: one answer, which is the final one of its request. An error is told beside the
// request's id, and the stream goes on.
void send(rpc::StreamReply& stream, std::string_view id, const Result<std::string>& response) {
  inference::ModelStreamInferResponse message;
  auto& answer = *message.mutable_infer_response();
  if (!response) message.set_error_message(response.error().message);
  if (response) answer.ParseFromString(*response);
  else if (!id.empty()) answer.set_id(id.data(), id.size());
  if (response) (*answer.mutable_parameters())["triton_final_response"].set_bool_param(true);
  stream.send(message.SerializeAsString());
}

void infer_in_stream(serve::ModelService& service, const rpc::Request& request,
                     const std::shared_ptr<rpc::StreamReply>& stream) {
  const bool taken = run_near(service, request, [&service, &request, stream] {
    const auto message = read_infer_message(request.message);
    if (!message) return send(*stream, "", message.error());
    ask(service, request, *message, [stream, id = message->head.id()](const Result<std::string>& response) {
      send(*stream, id, response);
    });
  });
  if (!taken) send(*stream, "", too_busy());
}

template <class Asked, class Answer>
void add_change(rpc::Router& router, std::string_view name, serve::DeploymentControl* control,
                void (serve::DeploymentControl::*change)(const std::string&,
                                                         serve::DeploymentControl::Done)) {
  router.add(method(name), [control, change](const rpc::Request& request, const rpc::Reply& reply) {
    Asked asked;
    if (control == nullptr) return reply(no_control());
    if (!asked.ParseFromArray(request.message.data(), static_cast<int>(request.message.size())))
      return reply(invalid_argument("the message cannot be read"));
    for (const auto& [key, value] : asked.parameters())
      if (key != "unload_dependents")
        return reply(unimplemented(fmt::format(
            "parameter '{}' is not supported: models are registered with `amas model import`", key)));
    (control->*change)(asked.model_name(), [reply](const Status& status) {
      if (status) reply(Answer().SerializeAsString());
      else reply(status.error());
    });
  });
}

}  // namespace

void add_methods(rpc::Router& router, serve::ModelService& service, serve::DeploymentControl* control) {
  add<inference::ServerLiveRequest>(router, "ServerLive", [](const auto&) {
    inference::ServerLiveResponse response;
    response.set_live(true);
    return Result<inference::ServerLiveResponse>(response);
  });
  add<inference::ServerReadyRequest>(router, "ServerReady", [&service](const auto&) {
    inference::ServerReadyResponse response;
    response.set_ready(service.ready());
    return Result<inference::ServerReadyResponse>(response);
  });
  add<inference::ServerMetadataRequest>(router, "ServerMetadata", [](const auto&) {
    return message_of<inference::ServerMetadataResponse>(server_document());
  });
  add<inference::ModelReadyRequest>(router, "ModelReady",
                                    [&service](const auto& asked) -> Result<inference::ModelReadyResponse> {
                                      AMAS_TRY(const ModelName name, name_of(asked.name(), asked.version()));
                                      inference::ModelReadyResponse response;
                                      response.set_ready(is_ready(service, name));
                                      return response;
                                    });
  add<inference::ModelMetadataRequest>(
      router, "ModelMetadata", [&service](const auto& asked) -> Result<inference::ModelMetadataResponse> {
        AMAS_TRY(const ModelName name, name_of(asked.name(), asked.version()));
        AMAS_TRY(const Json document, describe_model(service, name));
        return message_of<inference::ModelMetadataResponse>(document);
      });
  add<inference::ModelConfigRequest>(
      router, "ModelConfig", [&service](const auto& asked) -> Result<inference::ModelConfigResponse> {
        AMAS_TRY(const ModelName name, name_of(asked.name(), asked.version()));
        AMAS_TRY(const Json document, describe_config(service, name));
        return message_of<inference::ModelConfigResponse>({{"config", document}});
      });
  add<inference::ModelStatisticsRequest>(
      router, "ModelStatistics", [&service](const auto& asked) -> Result<inference::ModelStatisticsResponse> {
        AMAS_TRY(const ModelName name, name_of(asked.name(), asked.version()));
        AMAS_TRY(const Json document, describe_statistics(service, name));
        return message_of<inference::ModelStatisticsResponse>(document);
      });
  add<inference::RepositoryIndexRequest>(
      router, "RepositoryIndex",
      [&service, control](const auto& asked) -> Result<inference::RepositoryIndexResponse> {
        AMAS_TRY(const Json models, describe_index(service, control, asked.ready()));
        return message_of<inference::RepositoryIndexResponse>({{"models", models}});
      });
  using Control = serve::DeploymentControl;
  add_change<inference::RepositoryModelLoadRequest, inference::RepositoryModelLoadResponse>(
      router, "RepositoryModelLoad", control, &Control::load);
  add_change<inference::RepositoryModelUnloadRequest, inference::RepositoryModelUnloadResponse>(
      router, "RepositoryModelUnload", control, &Control::unload);
  router.add(method("ModelInfer"), [&service](const rpc::Request& request, const rpc::Reply& reply) {
    infer(service, request, reply);
  });
  router.add_stream(method("ModelStreamInfer"),
                    [&service](const rpc::Request& request, const std::shared_ptr<rpc::StreamReply>& stream) {
                      infer_in_stream(service, request, stream);
                    });
}

}  // namespace amas::oip
