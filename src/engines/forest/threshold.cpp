#include "engines/forest/threshold.h"

#include <bit>
#include <cmath>
#include <limits>

namespace amas::engines::forest {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNever = std::numeric_limits<double>::quiet_NaN();

/// The number next below, in the forest's number type; kNever below minus infinity.
double below(double value, Number number) {
  if (value == -kInfinity) return kNever;
  if (number == Number::kFloat64) return std::nextafter(value, -kInfinity);
  return std::nextafter(static_cast<float>(value), -std::numeric_limits<float>::infinity());
}

/// The largest double that rounds to a float of at most `limit`, ties going to the even float.
double widest_double(float limit) {
  if (std::isnan(limit)) return kNever;
  if (limit == std::numeric_limits<float>::infinity()) return kInfinity;
  const float above = std::nextafter(limit, std::numeric_limits<float>::infinity());
  constexpr double kOverflow = 0x1.ffffffp127;  // halfway from the largest float to what would follow it
  const double middle = std::isinf(above)   ? kOverflow
                        : std::isinf(limit) ? -kOverflow
                                            : (static_cast<double>(limit) + static_cast<double>(above)) / 2;
  const bool even = (std::bit_cast<std::uint32_t>(limit) & 1U) == 0;
  return even ? middle : std::nextafter(middle, -kInfinity);
}

/// The largest float of at most `limit`.
float floor_to_float(double limit) {
  const auto rounded = static_cast<float>(limit);  // to infinity beyond the floats
  if (static_cast<double>(rounded) <= limit || std::isnan(limit)) return rounded;
  return std::nextafter(rounded, -std::numeric_limits<float>::infinity());
}

template <class T>
T threshold_for_rows(double limit, Number number);

template <>
float threshold_for_rows<float>(double limit, Number number) {
  return number == Number::kFloat64 ? floor_to_float(limit) : static_cast<float>(limit);
}

template <>
double threshold_for_rows<double>(double limit, Number number) {
  return number == Number::kFloat64 ? limit : widest_double(static_cast<float>(limit));
}

}  // namespace

template <class T>
Decision<T> decision_of(const Node& node, Number number) {
  const bool yes_left = node.test == Condition::kLess || node.test == Condition::kLessEqual;
  const bool or_equal = node.test == Condition::kLessEqual || node.test == Condition::kGreater;
  const bool missing_yes = node.missing == Missing::kNanYes || node.missing == Missing::kZeroYes;
  Decision<T> decision;
  decision.threshold =
      threshold_for_rows<T>(or_equal ? node.threshold : below(node.threshold, number), number);
  decision.left = yes_left ? node.yes : node.no;
  decision.right = yes_left ? node.no : node.yes;
  decision.nan_left = missing_yes == yes_left;
  decision.zero_like_nan = node.missing == Missing::kZeroNo || node.missing == Missing::kZeroYes;
  return decision;
}

template Decision<float> decision_of(const Node&, Number);
template Decision<double> decision_of(const Node&, Number);

}  // namespace amas::engines::forest
