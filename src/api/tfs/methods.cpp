#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "api/tfs/examples.h"
#include "api/tfs/message.h"
#include "api/tfs/signature.h"
#include "api/tfs/status.h"
#include "api/tfs/tfs.h"

namespace amas::tfs {
namespace {

using namespace tensorflow::serving;

// Messages up to this size are decoded on the I/O thread: handing over would take longer.
constexpr std::size_t kDecodeHereBytesMax = 64u << 10;
constexpr std::string_view kDefault = "serving_default";
constexpr const char* kSignatureDef = "signature_def";

template <class Message>
Result<Message> read(std::string_view bytes) {
  Message message;
  if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return message;
  return invalid_argument(fmt::format("the message is no {}", message.GetTypeName()));
}

Result<serve::VersionChoice> version_of(const ModelSpec& spec) {
  if (spec.has_version()) return serve::VersionChoice(spec.version().value());
  return serve::VersionChoice::of_label(spec.version_label());
}

std::string signature_of(const ModelSpec& spec) {
  return spec.signature_name().empty() ? std::string(kDefault) : spec.signature_name();
}

// The model that answered, as every reply names it.
void name_model(const serve::InferResponse& response, std::string_view signature, ModelSpec& spec) {
  spec.set_name(response.model);
  spec.mutable_version()->set_value(response.version);
  spec.set_signature_name(signature.data(), signature.size());
}

using Manifest = std::shared_ptr<const model::Manifest>;
using Answered = std::function<void(const serve::InferResponse&, const model::Manifest&)>;
using Failed = std::function<void(const Error&)>;

// A question to a model: which, and how its inputs are read once its signature is known.
struct Asked {
  const ModelSpec& spec;
  Result<const model::Signature*> (*find)(const model::Manifest&, std::string_view) = find_signature;
  std::function<Result<std::vector<NamedTensor>>(const model::Signature&)> inputs;
};

void ask(serve::ModelService& service, const rpc::Request& request, const Asked& asked, Answered answered,
         const Failed& failed) {
  if (asked.spec.name().empty()) return failed(invalid_argument("Missing ModelSpec"));
  auto version = version_of(asked.spec);
  if (!version) return failed(version.error());
  auto manifest = service.manifest(asked.spec.name(), *version);
  if (!manifest) return failed(manifest.error());
  const std::string name = signature_of(asked.spec);
  const auto signature = asked.find(**manifest, name);
  if (!signature) return failed(signature.error());
  auto inputs = asked.inputs(**signature);
  if (!inputs) return failed(inputs.error());
  serve::InferRequest infer{.model = asked.spec.name(),
                            .version = std::move(*version),
                            .signature = name,
                            .inputs = std::move(*inputs),
                            .deadline_us = request.deadline_us,
                            .request_id = request.request_id,
                            .trace_id = request.trace_id,
                            .span_id = request.span_id,
                            .gone = request.gone};
  service.infer(std::move(infer), [answered = std::move(answered), failed,
                                   manifest = std::move(*manifest)](Result<serve::InferResponse> response) {
    if (!response) return failed(response.error());
    answered(*response, *manifest);
  });
}

Failed to_failed(const rpc::Reply& reply) {
  return [reply](const Error& error) { reply(error); };
}

// The outputs that the filter names, or all.
Result<std::string> encode_predict(const serve::InferResponse& response, const PredictRequest& asked) {
  PredictResponse message;
  name_model(response, signature_of(asked.model_spec()), *message.mutable_model_spec());
  const auto& filter = asked.output_filter();
  for (const std::string& name : filter) {
    if (std::ranges::find(response.outputs, name, &NamedTensor::name) == response.outputs.end())
      return invalid_argument(fmt::format("output tensor alias not found in signature: {}", name));
    if (std::ranges::count(filter, name) > 1)
      return invalid_argument(fmt::format("duplicate output tensor alias: {}", name));
  }
  for (const NamedTensor& output : response.outputs)
    if (filter.empty() || std::ranges::find(filter, output.name) != filter.end())
      tensor_to_message(output.tensor, (*message.mutable_outputs())[output.name]);
  return message.SerializeAsString();
}

void predict(serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply) {
  const auto read_message = read<PredictRequest>(request.message);
  if (!read_message) return reply(read_message.error());
  const auto asked = std::make_shared<const PredictRequest>(*read_message);
  const auto inputs = [asked](const model::Signature&) -> Result<std::vector<NamedTensor>> {
    std::vector<NamedTensor> tensors;
    for (const auto& [name, message] : asked->inputs()) {
      AMAS_TRY(Tensor tensor, tensor_from_message(message, name));
      tensors.push_back({name, std::move(tensor)});
    }
    return tensors;
  };
  ask(
      service, request, {asked->model_spec(), find_signature, inputs},
      [reply, asked](const serve::InferResponse& response, const model::Manifest&) {
        reply(encode_predict(response, *asked));
      },
      to_failed(reply));
}

Status fill_classes(const serve::InferResponse& response, const model::Manifest& manifest,
                    ClassificationResult& result) {
  AMAS_TRY(const Tensor* scores, scores_of(response.outputs, manifest.labels));
  const auto values = scores->data<float>();
  for (std::size_t at = 0; at < values.size(); ++at) {
    const std::size_t label = at % manifest.labels.size();
    auto& row = label == 0 ? *result.add_classifications() : *result.mutable_classifications()->rbegin();
    auto& one = *row.add_classes();
    one.set_label(manifest.labels[label]);
    one.set_score(values[at]);
  }
  return {};
}

Status fill_values(const serve::InferResponse& response, RegressionResult& result) {
  AMAS_TRY(const std::vector<float> values, values_of(response.outputs));
  for (const float value : values) result.add_regressions()->set_value(value);
  return {};
}

// Classify and regress: the same but for the result.
template <class Request, class Response>
void ask_examples(
    serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply,
    decltype(Asked::find) find,
    const std::function<Status(const serve::InferResponse&, const model::Manifest&, Response&)>& fill) {
  const auto read_message = read<Request>(request.message);
  if (!read_message) return reply(read_message.error());
  const auto asked = std::make_shared<const Request>(*read_message);
  ask(
      service, request,
      {asked->model_spec(), find,
       [asked](const model::Signature& signature) {
         return inputs_from_examples(asked->input(), signature);
       }},
      [reply, asked, fill](const serve::InferResponse& response, const model::Manifest& manifest) {
        Response message;
        name_model(response, signature_of(asked->model_spec()), *message.mutable_model_spec());
        if (const auto filled = fill(response, manifest, message); !filled) return reply(filled.error());
        reply(message.SerializeAsString());
      },
      to_failed(reply));
}

void classify(serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply) {
  ask_examples<ClassificationRequest, ClassificationResponse>(
      service, request, reply, find_classifier,
      [](const auto& response, const auto& manifest, ClassificationResponse& message) {
        return fill_classes(response, manifest, *message.mutable_result());
      });
}

void regress(serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply) {
  ask_examples<RegressionRequest, RegressionResponse>(
      service, request, reply, find_regression,
      [](const auto& response, const auto&, RegressionResponse& message) {
        return fill_values(response, *message.mutable_result());
      });
}

// Several tasks over the same examples, one after the other; the first that fails is the answer.
class MultiInference : public std::enable_shared_from_this<MultiInference> {
 public:
  MultiInference(serve::ModelService& service, const rpc::Request& request, rpc::Reply reply,
                 MultiInferenceRequest asked)
      : service_(service), request_(request), reply_(std::move(reply)), asked_(std::move(asked)) {}

  void go_on() {
    const int at = response_.results_size();
    if (at == asked_.tasks_size()) return reply_(response_.SerializeAsString());
    const InferenceTask& task = asked_.tasks(at);
    const bool is_regression = task.method_name() == "tensorflow/serving/regress";
    if (!is_regression && task.method_name() != "tensorflow/serving/classify")
      return reply_(
          invalid_argument(fmt::format("Unsupported signature method_name: {}", task.method_name())));
    ask(
        service_, request_,
        {task.model_spec(), is_regression ? find_regression : find_classifier,
         [this](const model::Signature& signature) {
           return inputs_from_examples(asked_.input(), signature);
         }},
        [self = shared_from_this(), is_regression](const auto& response, const auto& manifest) {
          self->take(response, manifest, is_regression);
        },
        [reply = reply_](const Error& error) { reply(error); });
  }

 private:
  void take(const serve::InferResponse& response, const model::Manifest& manifest, bool is_regression) {
    const InferenceTask& task = asked_.tasks(response_.results_size());
    InferenceResult& result = *response_.add_results();
    name_model(response, signature_of(task.model_spec()), *result.mutable_model_spec());
    const Status filled = is_regression
                              ? fill_values(response, *result.mutable_regression_result())
                              : fill_classes(response, manifest, *result.mutable_classification_result());
    if (!filled) return reply_(filled.error());
    go_on();
  }

  serve::ModelService& service_;
  const rpc::Request& request_;
  const rpc::Reply reply_;
  const MultiInferenceRequest asked_;
  MultiInferenceResponse response_;
};

void multi_inference(serve::ModelService& service, const rpc::Request& request, const rpc::Reply& reply) {
  auto asked = read<MultiInferenceRequest>(request.message);
  if (!asked) return reply(asked.error());
  if (asked->tasks().empty()) return reply(invalid_argument("MultiInferenceRequest has no tasks"));
  for (const InferenceTask& task : asked->tasks())
    if (task.model_spec().name() != asked->tasks(0).model_spec().name())
      return reply(invalid_argument("all tasks of a MultiInferenceRequest must be of one model"));
  std::make_shared<MultiInference>(service, request, reply, std::move(*asked))->go_on();
}

Result<std::string> metadata(const serve::ModelService& service, std::string_view bytes) {
  AMAS_TRY(const auto asked, read<GetModelMetadataRequest>(bytes));
  if (asked.metadata_field().empty())
    return invalid_argument("GetModelMetadataRequest must specify at least one metadata_field");
  for (const std::string& field : asked.metadata_field())
    if (field != kSignatureDef)
      return invalid_argument(fmt::format("Metadata field {} is not supported", field));
  AMAS_TRY(const auto version, version_of(asked.model_spec()));
  std::int64_t number = 0;
  AMAS_TRY(const auto manifest, service.manifest(asked.model_spec().name(), version, &number));
  SignatureDefMap signatures;
  for (const auto& [name, signature] : manifest->signatures)
    (*signatures.mutable_signature_def())[name] = signature_to_message(signature);
  GetModelMetadataResponse response;
  response.mutable_model_spec()->set_name(asked.model_spec().name());
  response.mutable_model_spec()->mutable_version()->set_value(number);
  (*response.mutable_metadata())[kSignatureDef].PackFrom(signatures);
  return response.SerializeAsString();
}

Result<std::string> model_status(const serve::ModelService& service, std::string_view bytes) {
  AMAS_TRY(const auto asked, read<GetModelStatusRequest>(bytes));
  const std::string& name = asked.model_spec().name();
  AMAS_TRY(const auto choice, version_of(asked.model_spec()));
  AMAS_TRY(const serve::DeploymentStatus status, service.deployment(name));
  AMAS_TRY(const auto version, number_of(status, choice));
  GetModelStatusResponse response;
  for (const serve::VersionStatus& one : status.versions) {
    if (version && one.version != *version) continue;
    auto& entry = *response.add_model_version_status();
    entry.set_version(one.version);
    ModelVersionStatus::State state = ModelVersionStatus::UNKNOWN;
    ModelVersionStatus::State_Parse(std::string(state_name(one.state)), &state);
    entry.set_state(state);
    entry.mutable_status();
    if (one.state != serve::VersionState::kFailed) continue;
    entry.mutable_status()->set_error_code(static_cast<int>(one.error.code));
    entry.mutable_status()->set_error_message(one.error.message);
  }
  if (version && response.model_version_status().empty())
    return not_found(fmt::format("Could not find version {} of model {}", *version, name));
  return response.SerializeAsString();
}

using Method = void (*)(serve::ModelService&, const rpc::Request&, const rpc::Reply&);

void add(rpc::Router& router, serve::ModelService& service, std::string_view name, Method method) {
  router.add(fmt::format("/tensorflow.serving.PredictionService/{}", name),
             [&service, method](const rpc::Request& request, const rpc::Reply& reply) {
               if (request.message.size() <= kDecodeHereBytesMax) return method(service, request, reply);
               const bool taken = service.run_on_compute(
                   [&service, &request, reply, method] { method(service, request, reply); });
               if (!taken)
                 reply(resource_exhausted("the server is too busy to read a large request; try again"));
             });
}

}  // namespace

void add_methods(rpc::Router& router, serve::ModelService& service) {
  add(router, service, "Predict", predict);
  add(router, service, "Classify", classify);
  add(router, service, "Regress", regress);
  add(router, service, "MultiInference", multi_inference);
  router.add("/tensorflow.serving.PredictionService/GetModelMetadata",
             [&service](const rpc::Request& request, const rpc::Reply& reply) {
               reply(metadata(service, request.message));
             });
  router.add("/tensorflow.serving.ModelService/GetModelStatus",
             [&service](const rpc::Request& request, const rpc::Reply& reply) {
               reply(model_status(service, request.message));
             });
}

}  // namespace amas::tfs
