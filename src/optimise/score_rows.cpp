#include <fmt/format.h>

#include <algorithm>

#include "base/limits.h"
#include "optimise/optimise.h"

namespace amas::optimise {
namespace {

constexpr std::size_t kBatchRows = 64;

/// Rows as a graph takes them, and how to cut a batch out of them.
class Rows {
 public:
  /// Errors: kInvalidArgument when the inputs do not agree with each other.
  static Result<Rows> of(const std::vector<Tensor>& inputs, std::size_t graph_inputs);
  std::size_t count() const { return count_; }
  /// Where a batch from row `begin` ends: after kBatchRows, or where padding them to the longest would fill
  /// more than limits::kBatchBytesMax; after one row at least.
  std::size_t batch_end(std::size_t begin) const;
  /// Runs rows [begin, end) of them.
  Result<std::vector<Tensor>> run(engine::LoadedModel& model, std::size_t begin, std::size_t end) const;

 private:
  Rows(const std::vector<Tensor>& inputs, bool sparse, std::size_t count)
      : inputs_(&inputs), sparse_(sparse), count_(count) {}
  /// The `which`-th input's values of sparse rows [begin, end), padded behind with zeros to the longest of
  /// them.
  template <class T>
  Tensor padded(std::size_t which, std::size_t begin, std::size_t end) const;

  const std::vector<Tensor>* inputs_;
  bool sparse_;  ///< as engine::Examples has them: indices, values, starts
  std::size_t count_;
};

Status check_sparse(const std::vector<Tensor>& inputs) {
  if (inputs[0].dtype() != DType::kInt32 || inputs[1].dtype() != DType::kFloat32 ||
      inputs[2].dtype() != DType::kInt64 || inputs[0].size() != inputs[1].size())
    return invalid_argument(
        "sparse rows are not indices INT32 [M], values FLOAT32 [M] and starts INT64 [N+1]");
  const auto starts = inputs[2].data<std::int64_t>();
  if (starts.empty() || starts.front() != 0 || starts.back() != static_cast<std::int64_t>(inputs[0].size()) ||
      !std::ranges::is_sorted(starts))
    return invalid_argument("starts of sparse rows do not ascend from 0 to the number of values");
  return {};
}

Result<Rows> Rows::of(const std::vector<Tensor>& inputs, std::size_t graph_inputs) {
  if (inputs.size() == 3 && graph_inputs == 2) {
    AMAS_CHECK(check_sparse(inputs));
    return Rows(inputs, true, inputs[2].size() - 1);
  }
  const std::int64_t rows = inputs.empty() ? 0 : inputs[0].rows();
  for (const Tensor& input : inputs)
    if (input.rows() != rows)
      return invalid_argument(fmt::format("inputs differ in rows: {} and {}", input.rows(), rows));
  return Rows(inputs, false, static_cast<std::size_t>(rows));
}

std::size_t Rows::batch_end(std::size_t begin) const {
  const std::size_t end_max = std::min(count_, begin + kBatchRows);
  if (!sparse_) return end_max;
  const auto starts = (*inputs_)[2].data<std::int64_t>();
  constexpr std::size_t kCellsMax = limits::kBatchBytesMax / (sizeof(std::int32_t) + sizeof(float));
  std::size_t width = 1;
  for (std::size_t end = begin; end < end_max; ++end) {
    width = std::max(width, static_cast<std::size_t>(starts[end + 1] - starts[end]));
    if (end > begin && (end + 1 - begin) * width > kCellsMax) return end;
  }
  return end_max;
}

template <class T>
Tensor Rows::padded(std::size_t which, std::size_t begin, std::size_t end) const {
  const auto values = (*inputs_)[which].data<T>();
  const auto starts = (*inputs_)[2].data<std::int64_t>();
  std::int64_t width = 1;  // a graph need not take rows of no features at all
  for (std::size_t row = begin; row < end; ++row) width = std::max(width, starts[row + 1] - starts[row]);
  Tensor tensor(DTypeOf<T>::value, {static_cast<std::int64_t>(end - begin), width});
  auto to = tensor.data<T>().begin();
  for (std::size_t row = begin; row < end; ++row, to += width)
    std::copy(values.begin() + starts[row], values.begin() + starts[row + 1], to);
  return tensor;
}

Result<std::vector<Tensor>> Rows::run(engine::LoadedModel& model, std::size_t begin, std::size_t end) const {
  if (sparse_) {
    const Tensor indices = padded<std::int32_t>(0, begin, end), values = padded<float>(1, begin, end);
    return model.run(std::vector<TensorView>{indices, values});
  }
  std::vector<TensorView> views;
  for (const Tensor& input : *inputs_)
    views.emplace_back(input, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
  return model.run(views);
}

}  // namespace

Result<std::vector<float>> score_rows(engine::LoadedModel& model, const std::vector<Tensor>& inputs) {
  AMAS_TRY(const Rows rows, Rows::of(inputs, model.inputs().size()));
  std::vector<float> scores;
  for (std::size_t begin = 0, end = 0; begin < rows.count(); begin = end) {
    end = rows.batch_end(begin);
    AMAS_TRY(const auto outputs, rows.run(model, begin, end));
    if (outputs.empty() || outputs[0].dtype() != DType::kFloat32)
      return invalid_argument("the graph's first output is no float32 tensor; it must be the scores");
    const auto values = outputs[0].data<float>();
    scores.insert(scores.end(), values.begin(), values.end());
  }
  return scores;
}

}  // namespace amas::optimise
