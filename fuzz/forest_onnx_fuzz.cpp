// ONNX graphs of trees from elsewhere: what is loaded must score rows, and say the same when it is written
// and read again.

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "engines/forest/forest_engine.h"
#include "engines/forest/onnx_export.h"
#include "engines/forest/onnx_forest_graph.h"
#include "model/onnx.h"

namespace {

using namespace amas;

constexpr std::int64_t kColumnsMax = 4096;

/// A row of zeros and a row of extremes.
void score(engine::LoadedModel& model) {
  const engine::TensorSpec& input = model.inputs()[0];
  const std::int64_t columns = input.shape[1] >= 0 ? input.shape[1] : kColumnsMax;
  if (columns > kColumnsMax) return;
  Tensor rows(input.dtype, {2, columns});
  for (std::int64_t c = columns; c < 2 * columns; ++c) {
    const auto at = static_cast<std::size_t>(c);
    if (input.dtype == DType::kFloat32)
      rows.data<float>()[at] = c % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : 1e30F;
    if (input.dtype == DType::kFloat64)
      rows.data<double>()[at] = c % 2 == 0 ? std::numeric_limits<double>::quiet_NaN() : 1e300;
  }
  const auto answer = model.run(std::vector<TensorView>{rows});
  if (!answer && answer.error().code != Code::kInvalidArgument) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto engine = engines::open_forest_engine();
  const auto model = engine->load(bytes, {});
  if (!model) return 0;
  score(**model);
  const auto graph = engines::forest::read_forest_graph(*model::parse_onnx(bytes));
  if (!graph) std::abort();
  for (const std::int64_t version : {1, 3, 5})
    if (const auto again = engines::forest::export_trees(graph->trees, version);
        again && !engine->load(*again, {}))
      std::abort();
  return 0;
}
