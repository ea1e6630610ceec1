// ONNX graphs of text nets from elsewhere: what is loaded must score rows, or say that tokens are none of its
// own.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "engines/sequence/sequence_engine.h"

namespace {

using namespace amas;

constexpr std::int64_t kTokensMax = 4096;

/// A row of zeros and a row that counts, which leaves small vocabularies.
void score(engine::LoadedModel& model) {
  const engine::TensorSpec& input = model.inputs()[0];
  const std::int64_t tokens = input.shape[1] >= 0 ? input.shape[1] : 40;
  if (tokens > kTokensMax) return;
  for (const bool counts : {false, true}) {
    Tensor rows(input.dtype, {2, tokens});
    for (std::int64_t i = tokens; i < 2 * tokens && counts; ++i) {
      if (input.dtype == DType::kInt32)
        rows.data<std::int32_t>()[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i);
      else rows.data<std::int64_t>()[static_cast<std::size_t>(i)] = i;
    }
    const auto answer = model.run(std::vector<TensorView>{rows});
    if (!answer && answer.error().code != Code::kInvalidArgument) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto engine = engines::make_sequence_engine();
  for (const char* precision : {"float32", "int16", "int8"})
    if (const auto model = engine->load(bytes, {.precision = precision})) score(**model);
  return 0;
}
