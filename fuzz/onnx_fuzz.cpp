// ONNX files from elsewhere: read, imported, quantised and pruned without an engine.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/onnx.h"
#include "optimise/optimise.h"

namespace {

/// What was written must be readable.
void check(const amas::Result<std::string>& onnx) {
  if (onnx && !amas::model::parse_onnx(*onnx)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto model = amas::model::parse_onnx(bytes);
  if (!model) return 0;
  // What was imported must be exported to the same weights.
  if (const auto net = amas::model::import_text_lstm(*model)) {
    const auto again = amas::model::parse_onnx(amas::model::export_text_lstm(*net));
    if (!again || !amas::model::import_text_lstm(*again)) std::abort();
  }
  if (const auto linear = amas::model::import_sparse_linear(*model)) {
    const auto again = amas::model::parse_onnx(amas::model::export_sparse_linear(*linear));
    if (!again || !amas::model::import_sparse_linear(*again)) std::abort();
  }
  check(amas::optimise::quantise_int8(bytes));
  check(amas::optimise::prune(bytes, {.keep_units = 0.5, .keep_vocabulary = 0.5}));
  return 0;
}
