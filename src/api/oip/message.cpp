#include "api/oip/message.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <limits>

#include "api/oip/binary.h"
#include "api/oip/datatype.h"

namespace amas::oip {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;
using Input = inference::ModelInferRequest::InferInputTensor;

constexpr std::size_t kRankMax = 16;
constexpr std::size_t kTensorsMax = 1'024;

std::uint32_t raw_tag(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

Error no_message() { return invalid_argument("the message is no ModelInferRequest"); }

// Of the other fields only those before and between the raw ones are copied, which are few bytes.
Status divide(std::string_view bytes, std::string& head, std::vector<std::string_view>& raws) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  CodedInputStream stream(begin, static_cast<int>(bytes.size()));
  std::size_t copied = 0;
  while (copied < bytes.size()) {
    const auto start = static_cast<std::size_t>(stream.CurrentPosition());
    const std::uint32_t tag = stream.ReadTag();
    std::uint32_t size = 0;
    const bool is_raw = tag == raw_tag(inference::ModelInferRequest::kRawInputContentsFieldNumber);
    if (tag == 0) break;
    if (!is_raw && !WireFormatLite::SkipField(&stream, tag)) return no_message();
    if (!is_raw) continue;
    if (!stream.ReadVarint32(&size)) return no_message();
    const auto at = static_cast<std::size_t>(stream.CurrentPosition());
    if (size > bytes.size() - at || !stream.Skip(static_cast<int>(size))) return no_message();
    if (raws.size() == kTensorsMax) return invalid_argument("the message has more than 1024 tensors");
    raws.push_back(bytes.substr(at, size));
    head += bytes.substr(copied, start - copied);
    copied = at + size;
  }
  if (!stream.ConsumedEntireMessage() && static_cast<std::size_t>(stream.CurrentPosition()) != bytes.size())
    return no_message();
  head += bytes.substr(copied);
  return {};
}

template <class Parameters>
const inference::InferParameter* find_parameter(const Parameters& parameters, const char* key) {
  const auto found = parameters.find(key);
  return found == parameters.end() ? nullptr : &found->second;
}

Status wrong_parameter(std::string_view key, std::string_view type) {
  return invalid_argument(fmt::format("parameter '{}' must be of type {}", key, type));
}

template <class Parameters>
Status read_integer(const Parameters& parameters, const char* key, std::int64_t& value) {
  const inference::InferParameter* parameter = find_parameter(parameters, key);
  if (parameter == nullptr) return {};
  using Case = inference::InferParameter::ParameterChoiceCase;
  if (parameter->parameter_choice_case() == Case::kInt64Param) value = parameter->int64_param();
  else if (parameter->parameter_choice_case() == Case::kUint64Param)
    value = static_cast<std::int64_t>(
        std::min<std::uint64_t>(parameter->uint64_param(), std::numeric_limits<std::int64_t>::max()));
  else return wrong_parameter(key, "int64");
  return {};
}

Status read_input(const Input& input, std::string_view model, RequestHeader& request) {
  RequestHeader::Input read;
  read.header.name = input.name();
  const auto dtype = datatype_from_name(input.datatype());
  if (!dtype)
    return invalid_argument(fmt::format("inference input '{}' data-type is '<invalid>' for model '{}': {}",
                                        input.name(), model, input.datatype()));
  read.header.dtype = *dtype;
  if (static_cast<std::size_t>(input.shape_size()) > kRankMax)
    return invalid_argument(
        fmt::format("inference input '{}' has more dimensions than allowed: > {}", input.name(), kRankMax));
  read.header.shape = Shape(input.shape().begin(), input.shape().end());
  for (const std::int64_t size : read.header.shape)
    if (size < 0)
      return invalid_argument(
          fmt::format("inference input '{}' has a negative dimension: {}", input.name(), size));
  request.inputs.push_back(std::move(read));
  return {};
}

Result<RequestHeader> read_head(const inference::ModelInferRequest& message) {
  RequestHeader request;
  if (!message.id().empty()) request.id = message.id();
  AMAS_CHECK(read_integer(message.parameters(), "timeout", request.timeout_us));
  if (const auto* signature = find_parameter(message.parameters(), "signature")) {
    if (!signature->has_string_param()) return Error(wrong_parameter("signature", "string").error());
    request.signature = signature->string_param();
  }
  if (static_cast<std::size_t>(std::max(message.inputs_size(), message.outputs_size())) > kTensorsMax)
    return invalid_argument("the message has more than 1024 tensors");
  for (const Input& input : message.inputs()) AMAS_CHECK(read_input(input, message.model_name(), request));
  for (const auto& output : message.outputs()) {
    RequestHeader::Output wanted;
    wanted.name = output.name();
    AMAS_CHECK(read_integer(output.parameters(), "classification", wanted.classes));
    request.outputs.push_back(std::move(wanted));
  }
  return request;
}

/// Typed contents of one field, as the elements of a tensor.
template <class T, class Field>
Result<Tensor> tensor_of(const Field& field, const InputHeader& header, std::string_view model) {
  const std::size_t count = element_count(header.shape);
  if (static_cast<std::size_t>(field.size()) != count)
    return invalid_argument(fmt::format(
        "unexpected number of elements for inference input '{}' for model '{}'. Expected {}, got {}",
        header.name, model, count, field.size()));
  Tensor tensor(header.dtype, header.shape);
  auto elements = tensor.template data<T>();
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = field[static_cast<int>(i)];
    elements[i] = static_cast<T>(value);
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      if (static_cast<decltype(value)>(elements[i]) != value)
        return invalid_argument(fmt::format("inference input '{}' has a value out of the range of {}: {}",
                                            header.name, datatype_name(header.dtype), value));
  }
  return tensor;
}

Result<Tensor> strings_of(const inference::InferTensorContents& contents, const InputHeader& header,
                          std::string_view model) {
  const std::size_t count = element_count(header.shape);
  const auto given = static_cast<std::size_t>(contents.bytes_contents_size());
  if (given != count)
    return invalid_argument(
        fmt::format("expected {} string elements for inference input '{}' for model '{}', got {}", count,
                    header.name, model, given));
  return Tensor::of_strings(header.shape,
                            {contents.bytes_contents().begin(), contents.bytes_contents().end()});
}

Result<Tensor> typed_tensor(const inference::InferTensorContents& c, const InputHeader& header,
                            std::string_view model) {
  switch (header.dtype) {
    case DType::kBool:
      return tensor_of<bool>(c.bool_contents(), header, model);
    case DType::kUint8:
      return tensor_of<std::uint8_t>(c.uint_contents(), header, model);
    case DType::kInt8:
      return tensor_of<std::int8_t>(c.int_contents(), header, model);
    case DType::kUint16:
      return tensor_of<std::uint16_t>(c.uint_contents(), header, model);
    case DType::kInt16:
      return tensor_of<std::int16_t>(c.int_contents(), header, model);
    case DType::kUint32:
      return tensor_of<std::uint32_t>(c.uint_contents(), header, model);
    case DType::kInt32:
      return tensor_of<std::int32_t>(c.int_contents(), header, model);
    case DType::kUint64:
      return tensor_of<std::uint64_t>(c.uint64_contents(), header, model);
    case DType::kInt64:
      return tensor_of<std::int64_t>(c.int64_contents(), header, model);
    case DType::kFloat32:
      return tensor_of<float>(c.fp32_contents(), header, model);
    case DType::kFloat64:
      return tensor_of<double>(c.fp64_contents(), header, model);
    case DType::kString:
      return strings_of(c, header, model);
    case DType::kFloat16:
      break;
  }
  return invalid_argument(fmt::format("{} data of inference input '{}' must be given in raw_input_contents",
                                      datatype_name(header.dtype), header.name));
}

Result<Tensor> input_tensor(const InferMessage& message, const InputHeader& header, std::size_t at) {
  const std::string& model = message.head.model_name();
  const Input& input = message.head.inputs(static_cast<int>(at));
  if (message.raws.empty()) return typed_tensor(input.contents(), header, model);
  if (input.has_contents())
    return invalid_argument(fmt::format(
        "contents field must not be specified when using raw_input_contents for '{}' for model '{}'",
        header.name, model));
  if (at >= message.raws.size())
    return invalid_argument(fmt::format(
        "unable to find data for input tensor '{}' for model '{}' in request.", header.name, model));
  return tensor_from_binary(message.raws[at], header.dtype, header.shape, header.name, model);
}

/// Appends raw_output_contents, whose number is the highest of the message, behind all other fields.
void append_raw(std::string& out, const Tensor& tensor) {
  std::string strings;
  if (tensor.dtype() == DType::kString) append_binary(strings, tensor);
  const std::size_t size = tensor.dtype() == DType::kString ? strings.size() : tensor.bytes().size();
  std::uint8_t prefix[16];
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(
      raw_tag(inference::ModelInferResponse::kRawOutputContentsFieldNumber), prefix);
  end = CodedOutputStream::WriteVarint64ToArray(size, end);
  out.append(reinterpret_cast<const char*>(prefix), static_cast<std::size_t>(end - prefix));
  if (tensor.dtype() == DType::kString) out += strings;
  else append_binary(out, tensor);
}

}  // namespace

Result<InferMessage> read_infer_message(std::string_view bytes) {
  InferMessage message;
  std::string head;
  AMAS_CHECK(divide(bytes, head, message.raws));
  if (!message.head.ParseFromString(head)) return no_message();
  return message;
}

Result<Question> decode_message(const InferMessage& message, const model::Manifest& manifest) {
  AMAS_TRY(const RequestHeader request, read_head(message.head));
  AMAS_TRY(Question question, begin_question(request, message.head.model_name(), manifest));
  for (std::size_t i = 0; i < question.inputs.size(); ++i) {
    AMAS_TRY(question.inputs[i].tensor, input_tensor(message, request.inputs[i].header, i));
  }
  if (message.raws.size() > question.inputs.size())
    return invalid_argument(fmt::format("expected raw contents of {} inputs but got {} for model '{}'",
                                        question.inputs.size(), message.raws.size(),
                                        message.head.model_name()));
  return question;
}

Result<std::string> encode_message(const Question& question, std::string_view model, std::int64_t version,
                                   const std::vector<NamedTensor>& outputs,
                                   const std::vector<std::string>& labels) {
  inference::ModelInferResponse head;
  head.set_model_name(model.data(), model.size());
  head.set_model_version(fmt::to_string(version));
  if (question.id) head.set_id(*question.id);
  std::vector<Tensor> made(question.outputs.size());
  std::vector<const Tensor*> tensors;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < question.outputs.size(); ++i) {
    const WantedOutput& wanted = question.outputs[i];
    AMAS_TRY(tensors.emplace_back(), wanted_tensor(wanted, outputs, labels, made[i]));
    auto& output = *head.add_outputs();
    output.set_name(wanted.name);
    const std::string_view datatype = datatype_name(tensors[i]->dtype());
    output.set_datatype(datatype.data(), datatype.size());
    output.mutable_shape()->Assign(tensors[i]->shape().begin(), tensors[i]->shape().end());
    bytes += tensors[i]->bytes().size();
  }
  std::string out;
  out.reserve(head.ByteSizeLong() + bytes + 16 * tensors.size());
  head.AppendToString(&out);
  for (const Tensor* tensor : tensors) append_raw(out, *tensor);
  return out;
}

}  // namespace amas::oip
