#include "serve/warm_up.h"

#include <utility>
#include <vector>

#include "base/log.h"

namespace amas::serve {
namespace {

/// Zeros of the smallest shape that fits.
Tensor smallest(DType dtype, Shape shape) {
  for (std::int64_t& size : shape) size = size < 0 ? 1 : size;
  return {dtype, std::move(shape)};
}

/// A graph from elsewhere may refuse zeros (or one step, or one pixel) and still be good: what counts is that
/// it has been run.
Status warm_up_graph(const ServableVersion& servable) {
  std::vector<Tensor> zeros;
  for (const engine::TensorSpec& spec : servable.graph().inputs())
    zeros.push_back(smallest(spec.dtype, spec.shape));
  const std::vector<TensorView> inputs(zeros.begin(), zeros.end());
  if (const auto outputs = servable.graph().run(inputs); !outputs)
    log::info("warm_up_refused", {{"model", servable.manifest().name}, {"error", outputs.error().message}});
  return {};
}

}  // namespace

Status warm_up(const ServableVersion& servable) {
  if (servable.pipeline() == nullptr) return warm_up_graph(servable);
  std::vector<Tensor> row;
  for (const features::Port& port : servable.pipeline()->inputs()) {
    row.push_back(smallest(port.dtype, port.shape));
    for (std::string& text : row.back().strings()) text = "warm up";
  }
  const std::vector<TensorView> columns(row.begin(), row.end());
  if (const auto scores = servable.score(columns); !scores) return scores.error().at("warm-up row");
  return {};
}

}  // namespace amas::serve
