#include "api/tfs/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace amas::tfs {
namespace {

constexpr std::string_view kScores = "scores";

bool is_one_number_a_row(const engine::TensorSpec& spec) {
  const bool is_number = spec.dtype == DType::kFloat32 || spec.dtype == DType::kFloat64;
  return is_number && (spec.shape.size() == 1 || (spec.shape.size() == 2 && spec.shape[1] == 1));
}

}  // namespace

Result<const model::Signature*> find_signature(const model::Manifest& manifest, std::string_view name) {
  const auto found = manifest.signatures.find(std::string(name));
  if (found != manifest.signatures.end()) return &found->second;
  std::vector<std::string_view> known;
  for (const auto& [other, signature] : manifest.signatures) known.push_back(other);
  return invalid_argument(
      fmt::format("Serving signature name not found: \"{}\"; it has: {}", name, fmt::join(known, ", ")));
}

Result<const model::Signature*> find_classifier(const model::Manifest& manifest, std::string_view name) {
  AMAS_TRY(const model::Signature* signature, find_signature(manifest, name));
  const bool has_scores =
      std::ranges::any_of(signature->outputs, [](const auto& spec) { return spec.name == kScores; });
  if (!has_scores || manifest.labels.empty())
    return unimplemented(fmt::format("signature gives no scores to classify by: \"{}\"; use predict", name));
  return signature;
}

Result<const model::Signature*> find_regression(const model::Manifest& manifest, std::string_view name) {
  AMAS_TRY(const model::Signature* signature, find_signature(manifest, name));
  if (signature->outputs.size() != 1 || !is_one_number_a_row(signature->outputs[0]))
    return unimplemented(
        fmt::format("signature gives no number a row to regress to: \"{}\"; use predict or classify", name));
  return signature;
}

Result<const Tensor*> scores_of(const std::vector<NamedTensor>& outputs,
                                const std::vector<std::string>& labels) {
  const auto scores = std::ranges::find(outputs, kScores, &NamedTensor::name);
  if (scores == outputs.end()) return internal_error("the model gave no scores");
  const Tensor& tensor = scores->tensor;
  if (tensor.dtype() != DType::kFloat32 || tensor.shape().size() != 2 ||
      tensor.shape()[1] != static_cast<std::int64_t>(labels.size()))
    return internal_error(fmt::format("the model's scores do not fit its labels: {} {} and {} labels",
                                      dtype_name(tensor.dtype()), format_shape(tensor.shape()),
                                      labels.size()));
  return &tensor;
}

Result<std::vector<float>> values_of(const std::vector<NamedTensor>& outputs) {
  if (outputs.size() != 1 || outputs[0].tensor.size() != static_cast<std::size_t>(outputs[0].tensor.rows()))
    return internal_error("the model gave no number a row");
  const Tensor& tensor = outputs[0].tensor;
  std::vector<float> values(tensor.size());
  if (tensor.dtype() == DType::kFloat32) std::ranges::copy(tensor.data<float>(), values.begin());
  else
    std::ranges::transform(tensor.data<double>(), values.begin(),
                           [](double value) { return static_cast<float>(value); });
  return values;
}

}  // namespace amas::tfs
