#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/json/tensor_reader.h"
#include "api/oip/binary.h"
#include "api/oip/infer.h"
#include "api/oip/request_header.h"

namespace amas::oip {
namespace {

using json::Place;
using json::Value;

constexpr std::string_view kRawSignature = "serving_default";

// Reads the data of one input, whose header has been checked.
Status read_data(Value value, const Place& place, const InputHeader& header, std::size_t body_bytes,
                 Tensor& tensor) {
  const std::size_t count = element_count(header.shape);
  // Each element takes a byte at least: no shape makes us reserve more than the body is large.
  if (count > body_bytes)
    return invalid_argument("Unable to parse 'data': Shape does not match true shape of 'data' field");
  json::TensorReader reader(header.dtype);
  AMAS_CHECK(reader.read_flat(value, count, place));
  if (reader.size() != count)
    return invalid_argument(fmt::format(
        "Unable to parse 'data': Shape does not match true shape of 'data' field: {} has {} elements, not {}",
        place.text(), reader.size(), count));
  tensor = std::move(reader).finish(header.shape);
  return {};
}

// The second pass: reads `data` of the inputs into `tensors`, which stand in the same order.
Status read_all_data(json::Document& document, const RequestHeader& request, std::size_t body_bytes,
                     std::vector<NamedTensor>& tensors) {
  return document.for_each_key([&](std::string_view key, Value value) -> Status {
    if (key != "inputs") return {};
    std::size_t at = 0;
    return for_each_element(value, Place(key), [&](Value item, const Place& place) -> Status {
      const InputHeader& header = request.inputs[at].header;
      Tensor& tensor = tensors[at++].tensor;
      return for_each_member(
          item, place, [&](std::string_view name, Value member, const Place& here) -> Status {
            return name == "data" ? read_data(member, here, header, body_bytes, tensor) : Status();
          });
    });
  });
}

// Takes the binary tensors off the part of the body behind the JSON, in the order of the inputs.
Status read_all_binary(std::string_view binary, const RequestHeader& request, std::string_view model,
                       std::vector<NamedTensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const RequestHeader::Input& input = request.inputs[i];
    if (!input.binary_bytes) continue;
    const std::int64_t missing = *input.binary_bytes - static_cast<std::int64_t>(binary.size());
    if (*input.binary_bytes < 0 || missing > 0)
      return invalid_argument(
          fmt::format("unexpected size for input '{}', expecting {} additional bytes for model '{}'",
                      input.header.name, missing, model));
    const auto size = static_cast<std::size_t>(*input.binary_bytes);
    AMAS_TRY(tensors[i].tensor, tensor_from_binary(binary.substr(0, size), input.header.dtype,
                                                   input.header.shape, input.header.name, model));
    binary.remove_prefix(size);
  }
  if (!binary.empty())
    return invalid_argument(fmt::format("unexpected additional input data for model '{}'", model));
  return {};
}

// The outputs that the reply is to give, in the signature's order, each once.
Result<std::vector<WantedOutput>> choose_outputs(const RequestHeader& request,
                                                 const model::Signature& signature, std::string_view model) {
  for (const RequestHeader::Output& output : request.outputs)
    if (std::ranges::find(signature.outputs, output.name, &engine::TensorSpec::name) ==
        signature.outputs.end())
      return invalid_argument(
          fmt::format("unexpected inference output '{}' for model '{}'", output.name, model));
  std::vector<WantedOutput> wanted;
  for (const engine::TensorSpec& spec : signature.outputs) {
    const auto asked = std::ranges::find(request.outputs, spec.name, &RequestHeader::Output::name);
    const bool is_asked = asked != request.outputs.end();
    if (!is_asked && !request.outputs.empty()) continue;
    wanted.push_back({spec.name,
                      is_asked ? asked->binary.value_or(request.binary_outputs) : request.binary_outputs,
                      is_asked ? asked->classes : 0});
  }
  return wanted;
}

}  // namespace

Result<Body> divide_body(std::string_view body, std::string_view header) {
  if (header.empty()) return Body{body, {}};
  std::size_t length = 0;
  const char* end = header.data() + header.size();
  const auto [stop, error] = std::from_chars(header.data(), end, length);
  if (error != std::errc() || stop != end || length > body.size())
    return invalid_argument(
        fmt::format("inference header size should be in range (0, {}), got: {}", body.size(), header));
  return Body{body.substr(0, length), body.substr(length)};
}

Result<Question> begin_question(const RequestHeader& request, std::string_view model,
                                const model::Manifest& manifest) {
  std::vector<InputHeader> headers;
  for (const RequestHeader::Input& input : request.inputs) headers.push_back(input.header);
  Question question{
      .id = request.id, .signature = {}, .timeout_us = request.timeout_us, .inputs = {}, .outputs = {}};
  AMAS_TRY(question.signature, choose_signature(manifest, request.signature, headers));
  const model::Signature& signature = manifest.signatures.at(question.signature);
  const std::string prefix = fmt::format("[request id: {}] ", request.id.value_or("<id_unknown>"));
  AMAS_CHECK(check_inputs(signature, headers, model, manifest.has_rows, prefix));
  AMAS_TRY(question.outputs, choose_outputs(request, signature, model));
  // From here on names, dtypes and shapes are those of the signature; what is missing is the data.
  for (InputHeader& header : headers) question.inputs.push_back({std::move(header.name), Tensor()});
  return question;
}

Result<Question> decode_infer(const Body& body, std::string_view model, const model::Manifest& manifest) {
  AMAS_TRY(json::Document document, json::Document::open(body.json));
  AMAS_TRY(const RequestHeader request, read_header(document));
  AMAS_TRY(Question question, begin_question(request, model, manifest));
  AMAS_CHECK(read_all_data(document, request, body.json.size(), question.inputs));
  AMAS_CHECK(read_all_binary(body.binary, request, model, question.inputs));
  return question;
}

Result<Question> decode_raw(std::string_view body, std::string_view model, const model::Manifest& manifest) {
  const auto signature = manifest.signatures.find(std::string(kRawSignature));
  const std::size_t count = signature == manifest.signatures.end() ? 0 : signature->second.inputs.size();
  if (count != 1)
    return invalid_argument(
        fmt::format("Raw request must only have 1 input (found 1) to be deduced but got {} inputs in "
                    "'{}' model configuration",
                    count, model));
  const engine::TensorSpec& spec = signature->second.inputs[0];
  Question question{.id = {}, .signature = signature->first, .timeout_us = 0, .inputs = {}, .outputs = {}};
  if (spec.dtype == DType::kString) {
    question.inputs.push_back({spec.name, Tensor::of_strings({1}, {std::string(body)})});
  } else {
    Shape shape = spec.shape;
    for (std::size_t i = 1; i < shape.size(); ++i) shape[i] = std::max<std::int64_t>(shape[i], 1);
    if (!shape.empty()) shape[0] = 1;
    const std::size_t row_bytes = std::max<std::size_t>(element_count(shape) * dtype_bytes(spec.dtype), 1);
    if (!shape.empty()) shape[0] = static_cast<std::int64_t>(body.size() / row_bytes);
    AMAS_TRY(Tensor tensor, tensor_from_binary(body, spec.dtype, shape, spec.name, model));
    question.inputs.push_back({spec.name, std::move(tensor)});
  }
  for (const engine::TensorSpec& output : signature->second.outputs)
    question.outputs.push_back({output.name, true, 0});
  return question;
}

}  // namespace amas::oip
