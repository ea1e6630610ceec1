#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace amas::engines::forest {

/// The number type of a library's thresholds, leaves and sums.
enum class Number : std::uint8_t { kFloat32, kFloat64 };

/// What a node asks of its feature x and its threshold t. A node whose test holds sends the row to `yes`.
enum class Condition : std::uint8_t {
  kLeaf,            ///< asks nothing: `yes` and `no` are a range of votes
  kLess,            ///< x < t
  kLessEqual,       ///< x <= t
  kGreater,         ///< x > t
  kGreaterEqual,    ///< x >= t
  kEqual,           ///< x == t
  kNotEqual,        ///< x != t
  kMember,          ///< x is in the set (ONNX)
  kMemberFloor,     ///< x rounded down is in the set (XGBoost's categories)
  kMemberTruncated  ///< x rounded towards zero is in the set (LightGBM's categories)
};

/// What a node does with a row whose feature is missing. "Zero" is |x| <= kZeroThreshold or NaN (LightGBM).
enum class Missing : std::uint8_t {
  kNanNo,    ///< NaN goes to `no`
  kNanYes,   ///< NaN goes to `yes`
  kZeroNo,   ///< zero and NaN go to `no`
  kZeroYes,  ///< zero and NaN go to `yes`
};

/// LightGBM's kZeroThreshold.
inline constexpr double kZeroThreshold = static_cast<double>(1e-35F);

/// One node. Indices are into the vectors of its Forest.
struct Node {
  Condition test = Condition::kLeaf;
  Missing missing = Missing::kNanNo;
  std::int32_t feature = 0;  ///< 0-based column of a row
  double threshold = 0;      ///< not NaN; unused by leaves and members
  std::int32_t set = -1;     ///< for the member tests: index into Forest::sets
  std::int32_t yes = 0;      ///< child node; in a leaf: the first of its votes
  std::int32_t no = 0;       ///< child node; in a leaf: one past the last of its votes
};

/// What a leaf adds to one target (an output column before the link; a class or a regression target).
struct Vote {
  std::int32_t target = 0;
  double weight = 0;
};

/// How the votes of the trees become one number a target.
enum class Aggregate : std::uint8_t { kSum, kAverage, kMin, kMax };

/// Where Forest::base comes into the sum, which decides its last bit.
enum class BaseOrder : std::uint8_t { kFirst, kLast };

/// From margins to predictions.
enum class Link : std::uint8_t {
  kIdentity,
  kLogistic,       ///< 1 / (1 + e^(-scale·m)), each target for itself
  kSoftmax,        ///< over the targets
  kSoftmaxZero,    ///< ONNX: a softmax over the margins that are not 0
  kProbit,         ///< ONNX: the quantile function of the normal distribution
  kExp,            ///< e^m
  kSign,           ///< 1 where m > 0, else 0 (XGBoost's hinge)
  kArgmax,         ///< the index of the largest margin, in one column
  kSignedSquare,   ///< m·|m| (LightGBM's reg_sqrt)
  kLogOnePlusExp,  ///< log(1 + e^m)
};

/// A tree ensemble, plainly: what readers produce and compile() takes.
///
/// Every threshold, weight and base is exact in `number`. Trees do not share nodes, and what a root reaches
/// is a tree: validate() says so.
struct Forest {
  Number number = Number::kFloat32;  ///< of thresholds, weights and sums
  std::int32_t features = 0;         ///< columns of a row
  std::int32_t targets = 1;          ///< columns of a margin
  std::vector<Node> nodes{};
  std::vector<std::int32_t> roots{};  ///< of the trees, in the order in which they are summed
  std::vector<Vote> votes{};
  std::vector<std::vector<double>> sets{};  ///< members of each set: finite, rising
  Aggregate aggregate = Aggregate::kSum;
  double divisor = 1;          ///< for kAverage: what a sum is divided by
  std::vector<double> base{};  ///< a value for each target, or empty for none
  BaseOrder base_order = BaseOrder::kLast;
  Link link = Link::kIdentity;
  double link_scale = 1;    ///< for kLogistic
  double link_divisor = 1;  ///< what margins are divided by before the link (LightGBM's random forests)
  std::string objective{};  ///< as the library names what it was trained for; nothing here depends on it
  std::vector<std::string> feature_names{};  ///< as the file has them; may be none
};

/// Whether a forest is well-formed: every index inside its vector, every node reached exactly once from one
/// root, no NaN where a number decides, sets rising.
///
/// Errors: kInvalidArgument naming the tree or node and what is wrong with it.
/// Threads: any. Takes time and memory linear in the nodes, whatever the depth.
Status validate(const Forest& forest);

/// The number of decisions on the longest way from each root to a leaf. The forest is valid.
std::vector<std::int32_t> depths(const Forest& forest);

}  // namespace amas::engines::forest
