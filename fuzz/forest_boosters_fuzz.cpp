// Model files of XGBoost (JSON and UBJSON) and LightGBM: what is read must score rows.

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <vector>

#include "engines/forest/compiled.h"
#include "engines/forest/lightgbm.h"
#include "engines/forest/link.h"
#include "engines/forest/xgboost.h"

namespace {

using namespace amas::engines::forest;

/// A row of zeros and a row of missing values.
void score(const Forest& forest) {
  constexpr std::int32_t kFeaturesMax = 4096, kTargetsMax = 4096;
  if (forest.features > kFeaturesMax || forest.targets > kTargetsMax) return;
  const auto compiled = compile<double>(forest);
  if (!compiled) std::abort();
  const auto width = static_cast<std::size_t>(forest.features),
             targets = static_cast<std::size_t>(forest.targets);
  std::vector<double> rows(2 * width), margins(2 * targets), predictions(prediction_count(forest));
  for (std::size_t i = width; i < rows.size(); ++i) rows[i] = std::numeric_limits<double>::quiet_NaN();
  (*compiled)->margins({rows.data(), 2, forest.features, 1}, margins, {});
  predict(forest, std::span(margins).first(targets), predictions);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto forest = read_xgboost(bytes)) score(*forest);
  if (const auto forest = read_lightgbm(bytes)) score(*forest);
  return 0;
}
