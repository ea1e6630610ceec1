#include "pipeline/kept_package.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace amas::pipeline {

Result<model::Package> open_package(const store::Store& store, std::string_view digest) {
  const auto folder = store.package_folder(digest);
  if (!folder && folder.error().code == Code::kNotFound)
    return data_loss(
        fmt::format("package is missing: {}; run the model's spec again (`amas run SPEC.yaml`), which makes "
                    "the package anew, or restore it from a backup",
                    (store.home() / "packages" / digest).string()));
  if (!folder) return folder.error();
  return model::Package::open(*folder, digest);
}

Result<model::Package> open_whole_package(const store::Store& store, std::string_view digest) {
  AMAS_TRY(model::Package package, open_package(store, digest));
  AMAS_CHECK(package.check_files());
  return package;
}

std::string best_variant(const model::Manifest& manifest,
                         const std::vector<store::Measurement>& measurements) {
  constexpr double kNoise = 1.1;
  const auto latency_us = [&](const model::Variant& variant) {
    const auto found = std::ranges::find(measurements, variant.name, &store::Measurement::variant);
    return variant.allowed && found != measurements.end() ? found->latency_p50_us : HUGE_VAL;
  };
  double quickest_us = HUGE_VAL;
  for (const model::Variant& variant : manifest.variants)
    quickest_us = std::min(quickest_us, latency_us(variant));
  if (quickest_us == HUGE_VAL) return manifest.variants.front().name;
  const model::Variant* chosen = nullptr;
  for (const model::Variant& variant : manifest.variants)
    if (latency_us(variant) <= kNoise * quickest_us && (chosen == nullptr || variant.bytes < chosen->bytes))
      chosen = &variant;
  return chosen->name;
}

std::string other_precision(const model::Variant& variant, const engine::Engine& engine) {
  if (variant.precision.empty()) return "";
  std::string runs_as = engine.runs_as({.engine = variant.engine, .precision = variant.precision});
  return runs_as == variant.precision ? "" : runs_as;
}

std::string engine_of(const model::Variant& variant) {
  return variant.engine.empty() ? "onnxruntime" : variant.engine;
}

}  // namespace amas::pipeline
