#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/oip/request_header.h"
#include "base/result.h"
#include "model/manifest.h"
#include "tensor/tensor.h"

namespace amas::oip {

/// The body of an infer request: its JSON part, and the binary tensors behind it.
struct Body {
  std::string_view json;
  std::string_view binary;
};

/// Divides a body. `header`: the value of Inference-Header-Content-Length, the length of the JSON part;
/// empty: all of it.
///
/// Errors: kInvalidArgument when it is no number, or larger than the body.
Result<Body> divide_body(std::string_view body, std::string_view header);

/// An output that the client asks for.
struct WantedOutput {
  std::string name;
  bool binary = false;
  std::int64_t classes = 0;  ///< above 0: that many best classes in place of the tensor
};

/// An infer request, decoded.
struct Question {
  std::optional<std::string> id;
  std::string signature;
  std::int64_t timeout_us = 0;  ///< 0: none
  std::vector<NamedTensor> inputs;
  std::vector<WantedOutput> outputs;  ///< as the reply gives them: in the signature's order, each once
};

/// What an infer request asks, without the data of its inputs: those are left empty, in the request's order.
///
/// Errors: those of choose_signature and check_inputs; kInvalidArgument for an unknown output.
Result<Question> begin_question(const RequestHeader& request, std::string_view model,
                                const model::Manifest& manifest);

/// Reads an infer request. The protocol knows no signatures: the one whose inputs have the request's names
/// answers
/// ("serving_default" or "tensors"), unless the parameter `signature` names one. `model` is for messages.
///
/// Errors: kInvalidArgument in Triton's words where it has some; kUnimplemented for FP16 in JSON.
Result<Question> decode_infer(const Body& body, std::string_view model, const model::Manifest& manifest);

/// Reads a raw request: the whole body is the one input of the signature "serving_default"; outputs come
/// binary.
///
/// Errors: kInvalidArgument when the signature has several inputs, or the body's size fits no number of rows.
Result<Question> decode_raw(std::string_view body, std::string_view model, const model::Manifest& manifest);

/// The tensor that an output asks for: the model's, or its best classes, which are put into `made`.
///
/// Errors: kInternal when the model gave none; kInvalidArgument when classes are wanted of something else
/// than numbers.
Result<const Tensor*> wanted_tensor(const WantedOutput& wanted, const std::vector<NamedTensor>& outputs,
                                    const std::vector<std::string>& labels, Tensor& made);

/// A reply's body. With binary tensors, its first `json_bytes` are the JSON part.
struct Answer {
  std::string body;
  std::optional<std::size_t> json_bytes;
};

/// Renders an infer reply. `outputs` hold all that `question` wants; `labels` name the classes of the output
/// "scores".
///
/// Errors: kInternal when one is missing; kUnimplemented for FP16 in JSON; kInvalidArgument when classes are
/// wanted of
///         something else than numbers.
Result<Answer> encode_infer(const Question& question, std::string_view model, std::int64_t version,
                            const std::vector<NamedTensor>& outputs, const std::vector<std::string>& labels);

}  // namespace amas::oip
