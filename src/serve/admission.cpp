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

/// Puts the inputs into the order of the signature.
Status order_inputs(std::span<const engine::TensorSpec> specs, std::vector<NamedTensor>& inputs) {
  if (specs.size() == 1 && inputs.size() == 1 && inputs[0].name.empty()) return {};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto at =
        std::find_if(inputs.begin() + static_cast<std::ptrdiff_t>(std::min(i, inputs.size())), inputs.end(),
                     [&](const NamedTensor& input) { return input.name == specs[i].name; });
    if (at == inputs.end())
      return invalid_argument(
          fmt::format("input is missing: {}; the signature takes: {}", specs[i].name, names_of(specs)));
    std::iter_swap(inputs.begin() + static_cast<std::ptrdiff_t>(i), at);
  }
  for (const NamedTensor& input : inputs)
    if (std::ranges::find(specs, input.name, &engine::TensorSpec::name) == specs.end())
      return invalid_argument(
          fmt::format("input is not known: {}; the signature takes: {}", input.name, names_of(specs)));
  if (inputs.size() != specs.size())
    return invalid_argument(fmt::format("an input stands twice; the signature takes: {}", names_of(specs)));
  return {};
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
  AMAS_CHECK(order_inputs(specs, request.inputs));
  std::vector<TensorView> views;
  views.reserve(request.inputs.size());
  for (const NamedTensor& input : request.inputs) views.emplace_back(input.tensor);
  AMAS_CHECK(has_rows ? engine::check_inputs(specs, views) : engine::check_types(specs, views));
  AMAS_CHECK(check_sizes(views));
  auto pending = std::make_unique<Pending>();
  pending->rows = !has_rows ? 1 : views.empty() ? 0 : views[0].rows();
  pending->request = std::move(request);
  return pending;
}

}  // namespace amas::serve
