// ModelInferRequest messages of the Open Inference Protocol as anybody may send them over gRPC.

#include <cstdint>
#include <string_view>

#include "api/oip/message.h"
#include "request_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace amas;
  const auto message = oip::read_infer_message({reinterpret_cast<const char*>(data), size});
  if (!message) return 0;
  const auto question = oip::decode_message(*message, fuzz::manifest());
  if (!question) return 0;
  fuzz::check(question->inputs);
  const std::vector<NamedTensor> outputs{{"scores", Tensor(DType::kFloat32, {1, 2})}};
  fuzz::expect(oip::encode_message(*question, "m", 1, outputs, fuzz::manifest().labels).has_value());
  return 0;
}
