#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/result.h"
#include "serve/scheduler.h"
#include "tensor/tensor.h"

/// What requests that run together have in common.
namespace amas::serve {

/// Whether the inputs of both agree in all dimensions but the rows.
bool are_alike(const Pending& a, const Pending& b);

/// Input i of all requests, rows behind each other; narrower ones are widened with zeros.
///
/// Errors: those of concat_rows.
Result<Tensor> joined(Batch& batch, std::size_t i);

/// Whether nobody waits for the answer any more.
bool is_given_up(const Pending& pending);

/// The rows of all requests.
std::int64_t rows_of(const Batch& batch);

/// Takes those out that are like this.
template <class IsLike>
Batch take_if(Batch& batch, IsLike is_like) {
  Batch taken;
  for (auto& pending : batch)
    if (is_like(*pending)) taken.push_back(std::move(pending));
  std::erase(batch, nullptr);
  return taken;
}

}  // namespace amas::serve
