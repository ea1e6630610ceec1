#include "serve/batching.h"

#include <algorithm>

namespace amas::serve {
namespace {

/// The tensor [rows, width] with zeros behind each row.
Tensor widened(const Tensor& tensor, std::int64_t width) {
  Tensor wide(tensor.dtype(), {tensor.rows(), width});
  const std::size_t from = static_cast<std::size_t>(tensor.shape()[1]) * dtype_bytes(tensor.dtype());
  const std::size_t to = static_cast<std::size_t>(width) * dtype_bytes(tensor.dtype());
  for (std::size_t row = 0; row < static_cast<std::size_t>(tensor.rows()); ++row)
    std::ranges::copy(tensor.bytes().subspan(row * from, from), wide.bytes().subspan(row * to, to).begin());
  return wide;
}

}  // namespace

bool are_alike(const Pending& a, const Pending& b) {
  for (std::size_t i = 0; i < a.request.inputs.size(); ++i) {
    const Shape& left = a.request.inputs[i].tensor.shape();
    const Shape& right = b.request.inputs[i].tensor.shape();
    if (!std::equal(left.begin() + 1, left.end(), right.begin() + 1, right.end())) return false;
  }
  return true;
}

Result<Tensor> joined(Batch& batch, std::size_t i) {
  std::int64_t width = 0;
  for (const auto& pending : batch)
    if (const Shape& shape = pending->request.inputs[i].tensor.shape(); shape.size() == 2)
      width = std::max(width, shape[1]);
  std::vector<TensorView> parts;
  for (auto& pending : batch) {
    Tensor& tensor = pending->request.inputs[i].tensor;
    if (tensor.shape().size() == 2 && tensor.shape()[1] < width) tensor = widened(tensor, width);
    parts.emplace_back(tensor);
  }
  return concat_rows(parts);
}

bool is_given_up(const Pending& pending) {
  const auto& gone = pending.request.gone;
  return gone != nullptr && gone->load(std::memory_order_relaxed);
}

std::int64_t rows_of(const Batch& batch) {
  std::int64_t rows = 0;
  for (const auto& pending : batch) rows += pending->rows;
  return rows;
}

}  // namespace amas::serve
