#pragma once

#include <linear.h>

#include <cstdint>
#include <span>
#include <vector>

#include "engine/trainer.h"

namespace amas::engine::linear {

/// Weights and intercept of one class against the rest.
struct Margin {
  std::vector<double> weights;  ///< by index; 0 of the padding is 0
  double bias = 0;
};

/// Sparse rows as LIBLINEAR takes them.
class SparseRows {
 public:
  /// `features`: indices are in [0, features).
  SparseRows(const Examples& examples, std::int64_t features);
  SparseRows(const SparseRows&) = delete;
  SparseRows& operator=(const SparseRows&) = delete;

  /// How many rows there are.
  std::size_t rows() const { return starts_.size(); }
  /// Minimises ½‖(w, b)‖² + cost · Σ log(1 + exp(-y(w·x + b))), y = 1 for rows of `positive` and -1 for the
  /// others. `margin` is the start and becomes the solution. Both kinds of row must be there.
  ///
  /// Errors: kInternal when LIBLINEAR refuses its parameters.
  Status fit(std::span<const std::int32_t> targets, std::int32_t positive, double cost, Margin& margin);
  /// w·x + b of each row.
  std::vector<double> margins(const Margin& margin) const;

 private:
  std::int64_t features_;
  std::vector<feature_node> nodes_;
  std::vector<feature_node*> starts_;
};

}  // namespace amas::engine::linear
