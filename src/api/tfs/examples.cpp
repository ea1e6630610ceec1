#include "api/tfs/examples.h"

#include <fmt/format.h>

#include <string>
#include <type_traits>

#include "base/limits.h"

namespace amas::tfs {
namespace {

using tensorflow::Example;
using tensorflow::Feature;

/// The values of one feature as a list of Ts; null when they are of another kind.
template <class T>
const auto* values_of(const Feature& feature) {
  if constexpr (std::is_same_v<T, std::string>)
    return feature.has_bytes_list() ? &feature.bytes_list().value() : nullptr;
  else if constexpr (std::is_floating_point_v<T>)
    return feature.has_float_list() ? &feature.float_list().value() : nullptr;
  else return feature.has_int64_list() ? &feature.int64_list().value() : nullptr;
}

/// One input of the signature, which grows row by row.
template <class T>
class Column {
 public:
  Column(const engine::TensorSpec& spec, std::size_t rows) : spec_(spec), rows_(rows) {}

  Status add(const Feature& feature, std::size_t row) {
    const auto* values = values_of<T>(feature);
    const std::size_t count = values == nullptr ? 0 : static_cast<std::size_t>(values->size());
    if (row == 0) width_ = spec_.shape.size() == 1 ? 1 : count;
    if (values == nullptr || count != width_ ||
        (spec_.shape.size() == 2 && spec_.shape[1] >= 0 && static_cast<std::size_t>(spec_.shape[1]) != count))
      return invalid_argument(
          fmt::format("examples[{}]: feature {} does not fit: the model takes {} {}; lists "
                      "must be of equal length",
                      row, spec_.name, dtype_name(spec_.dtype), format_shape(spec_.shape)));
    for (const auto& value : *values) {
      elements_.push_back(static_cast<Element>(value));
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        if (static_cast<std::int64_t>(elements_.back()) != value ||
            (std::is_same_v<T, std::uint64_t> && value < 0))
          return invalid_argument(
              fmt::format("examples[{}]: feature {} has a value out of the range of {}: {}", row, spec_.name,
                          dtype_name(spec_.dtype), value));
    }
    return {};
  }

  Tensor finish() && {
    Shape shape{static_cast<std::int64_t>(rows_)};
    if (spec_.shape.size() == 2) shape.push_back(static_cast<std::int64_t>(width_));
    if constexpr (std::is_same_v<T, std::string>) {
      return Tensor::of_strings(std::move(shape), std::move(elements_));
    } else {
      Tensor tensor(spec_.dtype, std::move(shape));
      std::ranges::copy(elements_, tensor.data<Element>().begin());
      return tensor;
    }
  }

 private:
  // std::vector<bool> has no array to copy from; a bool of ours is a byte of 0 or 1.
  using Element = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;
  const engine::TensorSpec& spec_;
  const std::size_t rows_;
  std::size_t width_ = 0;
  std::vector<Element> elements_;
};

const Feature* find_feature(const Example& example, const std::string& name) {
  const auto& features = example.features().feature();
  const auto found = features.find(name);
  return found == features.end() ? nullptr : &found->second;
}

/// Examples, and the one whose features stand for those that they lack.
struct Rows {
  const google::protobuf::RepeatedPtrField<Example>& examples;
  const Example& context;
};

template <class T>
Result<Tensor> read_column(const engine::TensorSpec& spec, const Rows& rows) {
  const auto count = static_cast<std::size_t>(rows.examples.size());
  Column<T> column(spec, count);
  for (std::size_t row = 0; row < count; ++row) {
    const Feature* feature = find_feature(rows.examples.Get(static_cast<int>(row)), spec.name);
    if (feature == nullptr) feature = find_feature(rows.context, spec.name);
    if (feature == nullptr)
      return invalid_argument(fmt::format("examples[{}] lacks a feature: {}", row, spec.name));
    AMAS_CHECK(column.add(*feature, row));
  }
  return std::move(column).finish();
}

Result<Tensor> read_input(const engine::TensorSpec& spec, const Rows& rows) {
  if (spec.shape.empty() || spec.shape.size() > 2 || spec.dtype == DType::kFloat16)
    return invalid_argument(fmt::format("input cannot be given as a feature: {} is {} {}; use Predict",
                                        spec.name, dtype_name(spec.dtype), format_shape(spec.shape)));
  if (spec.dtype == DType::kString) return read_column<std::string>(spec, rows);
  return with_element_type(spec.dtype, [&]<class T>() { return read_column<T>(spec, rows); });
}

}  // namespace

Result<std::vector<NamedTensor>> inputs_from_examples(const tensorflow::serving::Input& input,
                                                      const model::Signature& signature) {
  const auto& with_context = input.example_list_with_context();
  const bool has_context = input.has_example_list_with_context();
  const Rows rows{has_context ? with_context.examples() : input.example_list().examples(),
                  with_context.context()};
  if (rows.examples.empty()) return invalid_argument("Input is empty; give at least one example");
  if (static_cast<std::size_t>(rows.examples.size()) > limits::kRequestRowsMax)
    return invalid_argument(fmt::format("request has more rows than allowed: {} > {}; split it",
                                        rows.examples.size(), limits::kRequestRowsMax));
  std::vector<NamedTensor> inputs;
  for (const engine::TensorSpec& spec : signature.inputs) {
    AMAS_TRY(Tensor tensor, read_input(spec, rows));
    inputs.push_back({spec.name, std::move(tensor)});
  }
  return inputs;
}

}  // namespace amas::tfs
