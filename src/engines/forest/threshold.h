#pragma once

#include "engines/forest/forest.h"

namespace amas::engines::forest {

/// A decision in the one form that is walked: a row goes left where x <= threshold, else right (so does NaN,
/// unless nan_left). `threshold` is NaN where no number goes left.
template <class T>
struct Decision {
  T threshold = 0;
  std::int32_t left = 0, right = 0;  ///< nodes
  bool nan_left = false;
  bool zero_like_nan = false;  ///< |x| <= kZeroThreshold goes where NaN goes
};

/// Turns one of the four inequalities into that form, for rows of Ts: the largest T that goes left after it
/// is cast to the forest's number type. `node` is valid and asks an inequality.
template <class T>
Decision<T> decision_of(const Node& node, Number number);

/// Whether a test is one of the four inequalities.
inline bool is_inequality(Condition test) {
  return test == Condition::kLess || test == Condition::kLessEqual || test == Condition::kGreater ||
         test == Condition::kGreaterEqual;
}

}  // namespace amas::engines::forest
