#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/oip/infer.h"
#include "base/result.h"
#include "model/manifest.h"
#include "open_inference.pb.h"
#include "tensor/tensor.h"

namespace amas::oip {

/// A ModelInferRequest whose raw tensors are left where they came; borrowed from the message.
struct InferMessage {
  inference::ModelInferRequest head;   ///< all but raw_input_contents
  std::vector<std::string_view> raws;  ///< those, in order
};

/// Reads the encoded message.
///
/// Errors: kInvalidArgument when it is no such message.
Result<InferMessage> read_infer_message(std::string_view bytes);

/// What it asks; `raw_input_contents` or typed `contents` hold the inputs.
///
/// Errors: kInvalidArgument in Triton's words.
Result<Question> decode_message(const InferMessage& message, const model::Manifest& manifest);

/// The encoded ModelInferResponse; outputs are raw, as Triton's are.
///
/// Errors: those of wanted_tensor.
Result<std::string> encode_message(const Question& question, std::string_view model, std::int64_t version,
                                   const std::vector<NamedTensor>& outputs,
                                   const std::vector<std::string>& labels);

}  // namespace amas::oip
