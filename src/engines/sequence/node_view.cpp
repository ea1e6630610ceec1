#include "engines/sequence/node_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/onnx_graph.h"

namespace amas::engines::sequence {

using onnx::TensorProto;

namespace {

/// Constants with more elements than this are weights.
constexpr std::size_t kSizesMax = 4'096;

/// Whole numbers of a constant.
///
/// Errors: kInvalidArgument when it has others.
Result<std::vector<std::int64_t>> whole_numbers(const TensorProto& tensor) {
  if (tensor.data_type() == TensorProto::INT64) return model::read_constant<std::int64_t>(tensor);
  AMAS_TRY(const auto narrow, model::read_constant<std::int32_t>(tensor));
  return std::vector<std::int64_t>(narrow.begin(), narrow.end());
}

/// A constant as a computed tensor; nothing where it is none.
std::optional<Computed> from_constant(const TensorProto& tensor) {
  Computed made;
  std::size_t count = 1;
  for (const std::int64_t dim : tensor.dims()) {
    made.dims.push_back({dim});
    if (dim < 0 || static_cast<std::uint64_t>(dim) > kSizesMax) return std::nullopt;
    count *= static_cast<std::size_t>(dim);
    if (count > kSizesMax) return std::nullopt;
  }
  if (tensor.data_type() == TensorProto::FLOAT) {
    const auto values = model::read_constant<float>(tensor);
    made.zeros = values && std::ranges::all_of(*values, [](float value) { return value == 0; });
    return made.zeros ? std::optional(made) : std::nullopt;
  }
  const bool whole = tensor.data_type() == TensorProto::INT64 || tensor.data_type() == TensorProto::INT32;
  if (!whole || tensor.dims_size() > 1) return std::nullopt;
  const auto values = whole_numbers(tensor);
  if (!values) return std::nullopt;
  for (const std::int64_t value : *values) made.numbers.push_back({value});
  return made;
}

}  // namespace

Error NodeView::other(std::string_view why) const {
  return unimplemented(
      fmt::format("no text net that is known: {} \"{}\": {}", node.op_type(), node.name(), why));
}

const TensorProto* NodeView::constant(int input) const {
  if (!has(input)) return nullptr;
  const auto found = known.constants.find(node.input(input));
  return found == known.constants.end() ? nullptr : found->second;
}

std::optional<Computed> NodeView::computed(int input) const {
  if (!has(input)) return std::nullopt;
  if (const TensorProto* tensor = constant(input)) return from_constant(*tensor);
  const auto found = known.computed.find(node.input(input));
  return found == known.computed.end() ? std::nullopt : std::optional(found->second);
}

Result<std::vector<float>> NodeView::floats(int input) const {
  const TensorProto* tensor = constant(input);
  if (tensor == nullptr) return other(fmt::format("its input {} is no constant", input));
  if (tensor->data_type() != TensorProto::FLOAT) return other("its weights are no floats");
  AMAS_TRY(auto values, model::read_constant<float>(*tensor));
  for (const float value : values)
    if (!std::isfinite(value)) return other(fmt::format("weights are not finite: {}", tensor->name()));
  return values;
}

Result<std::vector<std::int64_t>> NodeView::integers(int input, std::string_view attribute) const {
  if (const auto* found = attribute.empty() ? nullptr : model::find_attribute(node, attribute)) {
    if (found->ints_size() == 0) return std::vector<std::int64_t>{found->i()};
    return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
  }
  if (const TensorProto* tensor = constant(input)) return whole_numbers(*tensor);
  AMAS_TRY(const auto given, sizes(input));
  std::vector<std::int64_t> values;
  for (const Size& size : given) {
    if (size.of != '1') return other("its axes or shape are not known before rows come");
    values.push_back(size.count);
  }
  return values;
}

Result<std::vector<Size>> NodeView::sizes(int input) const {
  const auto given = computed(input);
  if (!given || given->zeros) return other("its axes or shape are no constant");
  return given->numbers;
}

}  // namespace amas::engines::sequence
