#include "api/oip/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/oip/datatype.h"
#include "base/limits.h"

namespace amas::oip {
namespace {

constexpr std::string_view kDefault = "serving_default";

bool has_these_inputs(const model::Signature& signature, const std::vector<InputHeader>& inputs) {
  return signature.inputs.size() == inputs.size() &&
         std::ranges::all_of(signature.inputs, [&](const auto& spec) {
           return std::ranges::find(inputs, spec.name, &InputHeader::name) != inputs.end();
         });
}

bool fits(const Shape& wanted, const Shape& shape) {
  return std::ranges::equal(wanted, shape,
                            [](std::int64_t want, std::int64_t size) { return want < 0 || want == size; });
}

Error missing_inputs(const model::Signature& signature, const std::vector<InputHeader>& inputs,
                     std::string_view model) {
  std::vector<std::string> got, missing;
  for (const InputHeader& input : inputs) got.push_back(fmt::format("'{}'", input.name));
  for (const engine::TensorSpec& spec : signature.inputs)
    if (std::ranges::find(inputs, spec.name, &InputHeader::name) == inputs.end())
      missing.push_back(fmt::format("'{}'", spec.name));
  return invalid_argument(fmt::format(
      "expected {} inputs but got {} inputs for model '{}'. Got input(s) [{}], but missing required input(s) "
      "[{}]. Please provide all required input(s).",
      signature.inputs.size(), inputs.size(), model, fmt::join(got, ","), fmt::join(missing, ",")));
}

Status check_input(const engine::TensorSpec& spec, const InputHeader& input, std::string_view model,
                   bool has_rows) {
  if (input.dtype != spec.dtype)
    return invalid_argument(fmt::format("inference input '{}' data-type is '{}', but model '{}' expects '{}'",
                                        input.name, datatype_name(input.dtype), model,
                                        datatype_name(spec.dtype)));
  if (!fits(spec.shape, input.shape))
    return invalid_argument(
        fmt::format("unexpected shape for input '{}' for model '{}'. Expected {}, got {}.", input.name, model,
                    format_shape(spec.shape), format_shape(input.shape)));
  if (!has_rows) return {};
  const std::int64_t rows = input.shape.empty() ? 1 : input.shape[0];
  if (rows < 1 || static_cast<std::size_t>(rows) > limits::kRequestRowsMax)
    return invalid_argument(fmt::format("inference request batch-size must be from 1 to {} for '{}', got {}",
                                        limits::kRequestRowsMax, model, rows));
  return {};
}

Status check_all(const model::Signature& signature, const std::vector<InputHeader>& inputs,
                 std::string_view model, bool has_rows) {
  for (const InputHeader& input : inputs) {
    const auto spec = std::ranges::find(signature.inputs, input.name, &engine::TensorSpec::name);
    if (spec == signature.inputs.end())
      return invalid_argument(
          fmt::format("unexpected inference input '{}' for model '{}'", input.name, model));
    if (std::ranges::count(inputs, input.name, &InputHeader::name) > 1)
      return invalid_argument(fmt::format("input '{}' already exists in request", input.name));
    AMAS_CHECK(check_input(*spec, input, model, has_rows));
    if (has_rows && !input.shape.empty() && !inputs[0].shape.empty() && input.shape[0] != inputs[0].shape[0])
      return invalid_argument(
          fmt::format("input '{}' batch size does not match other inputs for '{}'", input.name, model));
  }
  if (inputs.size() != signature.inputs.size()) return missing_inputs(signature, inputs, model);
  return {};
}

}  // namespace

Result<std::string> choose_signature(const model::Manifest& manifest, std::string_view wanted,
                                     const std::vector<InputHeader>& inputs) {
  std::string name(wanted.empty() ? kDefault : wanted);
  if (wanted.empty()) {
    const auto same = std::ranges::find_if(
        manifest.signatures, [&](const auto& entry) { return has_these_inputs(entry.second, inputs); });
    if (same != manifest.signatures.end()) name = same->first;
  }
  if (!manifest.signatures.contains(name))
    return invalid_argument(fmt::format("the model has no signature with this name: {}", name));
  return name;
}

Status check_inputs(const model::Signature& signature, const std::vector<InputHeader>& inputs,
                    std::string_view model, bool has_rows, std::string_view prefix) {
  Status status = check_all(signature, inputs, model, has_rows);
  if (!status) return invalid_argument(fmt::format("{}{}", prefix, status.error().message));
  return status;
}

}  // namespace amas::oip
