// Requests of all dialects in JSON, with and without binary tensors. The first byte chooses the dialect, so
// that one corpus holds them all: 't' TensorFlow Serving's predict, 'c' its classify, 'o' the Open Inference
// Protocol, 'b' the same with the JSON part ending at the first '}' followed by a line feed, 'r' a raw body,
// 'p' a path.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/oip/infer.h"
#include "api/oip/target.h"
#include "api/tfs/predict.h"
#include "api/tfs/target.h"
#include "request_model.h"

namespace {

using namespace amas;
using fuzz::check;
using fuzz::expect;
using fuzz::manifest;

Result<const model::Signature*> find_signature(std::string_view name) {
  const auto found = manifest().signatures.find(std::string(name));
  if (found == manifest().signatures.end()) return invalid_argument("no such signature");
  return &found->second;
}

void read_tfs(std::string_view body, bool classify) {
  const auto question =
      classify ? tfs::decode_examples(body, find_signature) : tfs::decode_predict(body, find_signature);
  if (!question) return;
  check(question->inputs);
  // What was read can be written, and what was written can be read again.
  if (const auto text = tfs::encode_predict(question->inputs, false)) expect(!text->empty());
}

void read_oip(std::string_view body, std::size_t json_bytes) {
  const auto question =
      oip::decode_infer({body.substr(0, json_bytes), body.substr(json_bytes)}, "m", manifest());
  if (!question) return;
  check(question->inputs);
  const std::vector<NamedTensor> outputs{{"scores", Tensor(DType::kFloat32, {1, 2})}};
  expect(oip::encode_infer(*question, "m", 1, outputs, manifest().labels).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 't':
      read_tfs(body, false);
      break;
    case 'c':
      read_tfs(body, true);
      break;
    case 'o':
      read_oip(body, body.size());
      break;
    case 'b': {
      const auto end = body.find("}\n");
      if (end != body.npos) read_oip(body, end + 2);
      break;
    }
    case 'r':
      if (const auto question = oip::decode_raw(body, "m", manifest())) check(question->inputs);
      break;
    default:
      static_cast<void>(tfs::parse_target("POST", body));
      static_cast<void>(tfs::parse_target("GET", body));
      static_cast<void>(oip::parse_target(body));
  }
  return 0;
}
