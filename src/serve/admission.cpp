#include "serve/admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>

#include "base/limits.h"

namespace amas::serve {
namespace {

std::string names_of(std::span<const engine::TensorSpec> specs) {
  std::string names;
  for (const engine::TensorSpec& spec : specs) names += (names.empty() ? "" : ", ") + spec.name;
  return names;
}

/// Where each input of the signature lies in the request.
Result<std::vector<std::size_t>> order_inputs(std::span<const engine::TensorSpec> specs,
                                              const std::vector<NamedTensor>& inputs) {
  if (specs.size() == 1 && inputs.size() == 1 && inputs[0].name.empty()) return std::vector<std::size_t>{0};
  std::vector<std::size_t> order;
  for (const engine::TensorSpec& spec : specs) {
    const auto at = std::ranges::find(inputs, spec.name, &NamedTensor::name);
    if (at == inputs.end())
      return invalid_argument(
          fmt::format("input is missing: {}; the signature takes: {}", spec.name, names_of(specs)));
    order.push_back(static_cast<std::size_t>(at - inputs.begin()));
  }
  for (const NamedTensor& input : inputs)
    if (std::ranges::find(specs, input.name, &engine::TensorSpec::name) == specs.end())
      return invalid_argument(
          fmt::format("input is not known: {}; the signature takes: {}", input.name, names_of(specs)));
  if (inputs.size() != specs.size())
    return invalid_argument(fmt::format("an input stands twice; the signature takes: {}", names_of(specs)));
  return order;
}

Status check_sizes(std::span<const TensorView> inputs) {
  for (const TensorView& input : inputs) {
    if (static_cast<std::size_t>(input.rows()) > limits::kRequestRowsMax)
      return invalid_argument(fmt::format("too many rows in one request: {} > {}; split it", input.rows(),
                                          limits::kRequestRowsMax));
    if (input.dtype() != DType::kString) continue;
    for (const std::string& text : input.strings())
      if (text.size() > limits::kTextBytesMax)
        return invalid_argument(
            fmt::format("text is too long: {} > {} bytes; shorten it", text.size(), limits::kTextBytesMax));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Pending>> admit(InferRequest& request, const std::vector<engine::TensorSpec>& specs,
                                       bool has_rows) {
  AMAS_TRY(const auto order, order_inputs(specs, request.inputs));
  std::vector<TensorView> views;
  for (const std::size_t i : order) views.emplace_back(request.inputs[i].tensor);
  AMAS_CHECK(has_rows ? engine::check_inputs(specs, views) : engine::check_types(specs, views));
  AMAS_CHECK(check_sizes(views));
  auto pending = std::make_unique<Pending>();
  pending->rows = !has_rows ? 1 : views.empty() ? 0 : views[0].rows();
  std::vector<NamedTensor> inputs;
  for (const std::size_t i : order) inputs.push_back(std::move(request.inputs[i]));
  pending->request = std::move(request);
  pending->request.inputs = std::move(inputs);
  return pending;
}

}  // namespace amas::serve
