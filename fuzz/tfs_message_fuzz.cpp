// TensorFlow Serving's messages as anybody may send them over gRPC. The first byte chooses: 'p' a
// PredictRequest, else a ClassificationRequest.

#include <cstdint>
#include <string_view>

#include "api/tfs/examples.h"
#include "api/tfs/message.h"
#include "request_model.h"

namespace {

using namespace amas;

void read_predict(std::string_view bytes) {
  tensorflow::serving::PredictRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  std::vector<NamedTensor> inputs;
  for (const auto& [name, message] : request.inputs())
    if (auto tensor = tfs::tensor_from_message(message, name)) inputs.push_back({name, std::move(*tensor)});
  for (const NamedTensor& input : inputs) {
    fuzz::expect(element_count(input.tensor.shape()) == input.tensor.size());
    // What was read can be written, and what was written reads the same.
    tensorflow::TensorProto written;
    tfs::tensor_to_message(input.tensor, written);
    const auto again = tfs::tensor_from_message(written, input.name);
    fuzz::expect(again && again->shape() == input.tensor.shape() && again->dtype() == input.tensor.dtype());
  }
}

void read_examples(std::string_view bytes) {
  tensorflow::serving::ClassificationRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (const auto& [name, signature] : fuzz::manifest().signatures)
    if (const auto inputs = tfs::inputs_from_examples(request.input(), signature)) fuzz::check(*inputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'p') read_predict(bytes);
  else read_examples(bytes);
  return 0;
}
