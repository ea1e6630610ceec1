#include "engines/forest/plain_walk.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace amas::engines::forest::plain {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::size_t below(std::size_t n, std::mt19937& random) { return random() % n; }

class Grower {
 public:
  Grower(const Kinds& kinds, std::mt19937& random) : kinds_(kinds), random_(random) {}

  Forest grow() {
    forest_.number = kinds_.number;
    forest_.features = kinds_.features;
    forest_.targets = kinds_.targets;
    forest_.aggregate = kinds_.aggregate;
    forest_.divisor = static_cast<double>(kinds_.trees);
    forest_.sets = {{0, 2, 3}, {0, 1, 70}, {-2, 0.5, 3}, {-2, 3}};
    common_ = inequality();
    if (kinds_.base)
      for (std::int32_t i = 0; i < kinds_.targets; ++i) forest_.base.push_back(weight());
    forest_.base_order = below(2, random_) == 0 ? BaseOrder::kFirst : BaseOrder::kLast;
    for (std::size_t tree = 0; tree < kinds_.trees; ++tree) {
      target_ = static_cast<std::int32_t>(below(static_cast<std::size_t>(kinds_.targets), random_));
      depth_ = static_cast<std::int32_t>(below(static_cast<std::size_t>(kinds_.depth_max) + 1, random_));
      forest_.roots.push_back(node(0));
    }
    return std::move(forest_);
  }

 private:
  Condition inequality() {
    constexpr std::array kTests{Condition::kLess, Condition::kLessEqual, Condition::kGreater,
                                Condition::kGreaterEqual};
    return kTests[below(4, random_)];
  }
  double number(double value) const {
    return kinds_.number == Number::kFloat32 ? static_cast<double>(static_cast<float>(value)) : value;
  }
  double weight() { return number(std::normal_distribution<double>(0, 1)(random_)); }
  double threshold() {
    const std::array some{0.0,       -0.0,       1.0,  -1.0, 0.1, 1e-40, -1e-45,
                          kInfinity, -kInfinity, 3e38, 2.0,  3.0, 0.5};
    const double value = some[below(some.size(), random_)];
    return number(below(2, random_) == 0 ? value : weight());
  }
  Condition test() {
    if (!kinds_.all_tests) return common_;
    return static_cast<Condition>(1 + below(9, random_));
  }
  std::int32_t node(std::int32_t level) {
    const auto at = forest_.nodes.size();
    forest_.nodes.emplace_back();
    if (level >= depth_ || below(6, random_) == 0) {
      leaf(at);
      return static_cast<std::int32_t>(at);
    }
    Node asked{
        .test = test(),
        .missing = static_cast<Missing>(below(kinds_.zero_missing ? 4 : 2, random_)),
        .feature = static_cast<std::int32_t>(below(static_cast<std::size_t>(kinds_.features), random_)),
        .threshold = threshold(),
        .set = static_cast<std::int32_t>(below(4, random_))};
    asked.yes = node(level + 1);
    asked.no = node(level + 1);
    forest_.nodes[at] = asked;
    return static_cast<std::int32_t>(at);
  }
  void leaf(std::size_t at) {
    const std::size_t votes = kinds_.many_votes ? kinds_.votes_min + below(4, random_) : 1;
    forest_.nodes[at].yes = static_cast<std::int32_t>(forest_.votes.size());
    for (std::size_t i = 0; i < votes; ++i)
      forest_.votes.push_back({kinds_.many_votes ? static_cast<std::int32_t>(below(
                                                       static_cast<std::size_t>(kinds_.targets), random_))
                                                 : target_,
                               weight()});
    forest_.nodes[at].no = static_cast<std::int32_t>(forest_.votes.size());
  }

  const Kinds& kinds_;
  std::mt19937& random_;
  Forest forest_;
  Condition common_ = Condition::kLess;
  std::int32_t target_ = 0, depth_ = 0;
};

bool in_set(const Forest& forest, const Node& node, double value) {
  return std::ranges::count(forest.sets[static_cast<std::size_t>(node.set)], value) > 0;
}

bool yes(const Forest& forest, const Node& node, double value) {
  const bool zero = node.missing == Missing::kZeroNo || node.missing == Missing::kZeroYes;
  if (std::isnan(value) || (zero && std::abs(value) <= kZeroThreshold))
    return node.missing == Missing::kNanYes || node.missing == Missing::kZeroYes;
  switch (node.test) {
    case Condition::kLess:
      return value < node.threshold;
    case Condition::kLessEqual:
      return value <= node.threshold;
    case Condition::kGreater:
      return value > node.threshold;
    case Condition::kGreaterEqual:
      return value >= node.threshold;
    case Condition::kEqual:
      return value == node.threshold;
    case Condition::kNotEqual:
      return value != node.threshold;
    case Condition::kMember:
      return in_set(forest, node, value);
    case Condition::kMemberFloor:
      return in_set(forest, node, std::floor(value));
    default:
      return in_set(forest, node, std::trunc(value));
  }
}

template <class S>
std::vector<double> sums(const Forest& forest, const std::vector<double>& row) {
  const auto targets = static_cast<std::size_t>(forest.targets);
  std::vector<S> sum(targets);
  std::vector<bool> voted(targets);
  if (forest.base_order == BaseOrder::kFirst && !forest.base.empty())
    sum.assign(forest.base.begin(), forest.base.end());
  for (const std::int32_t root : forest.roots) {
    const Node* node = &forest.nodes[static_cast<std::size_t>(root)];
    while (node->test != Condition::kLeaf) {
      double value = row[static_cast<std::size_t>(node->feature)];
      if (forest.number == Number::kFloat32) value = static_cast<double>(static_cast<float>(value));
      node = &forest.nodes[static_cast<std::size_t>(yes(forest, *node, value) ? node->yes : node->no)];
    }
    for (std::int32_t i = node->yes; i < node->no; ++i) {
      const auto target = static_cast<std::size_t>(forest.votes[static_cast<std::size_t>(i)].target);
      const auto weight = static_cast<S>(forest.votes[static_cast<std::size_t>(i)].weight);
      if (forest.aggregate == Aggregate::kMin)
        sum[target] = voted[target] ? std::min(sum[target], weight) : weight;
      else if (forest.aggregate == Aggregate::kMax)
        sum[target] = voted[target] ? std::max(sum[target], weight) : weight;
      else sum[target] += weight;
      voted[target] = true;
    }
  }
  for (std::size_t target = 0; target < targets; ++target) {
    if (forest.aggregate == Aggregate::kAverage) sum[target] /= static_cast<S>(forest.divisor);
    if (forest.base_order == BaseOrder::kLast && !forest.base.empty())
      sum[target] += static_cast<S>(forest.base[target]);
  }
  return {sum.begin(), sum.end()};
}

}  // namespace

Forest random_forest(const Kinds& kinds, std::mt19937& random) { return Grower(kinds, random).grow(); }

template <class T>
std::vector<T> random_rows(std::size_t count, std::int32_t features, std::mt19937& random) {
  using Limits = std::numeric_limits<T>;
  const std::array some{T{0},
                        -T{0},
                        T{1},
                        T{-1},
                        static_cast<T>(0.1F),
                        static_cast<T>(1e-40),
                        static_cast<T>(-1e-45),
                        Limits::infinity(),
                        -Limits::infinity(),
                        Limits::quiet_NaN(),
                        Limits::max(),
                        Limits::denorm_min(),
                        static_cast<T>(kZeroThreshold),
                        T{2},
                        T{3},
                        T{70},
                        static_cast<T>(-0.5),
                        static_cast<T>(3.4028235677973366e38)};
  std::normal_distribution<double> normal(0, 1);
  const bool often = random() % 2 == 0;  // rows full of extremes, or rows with few
  std::vector<T> rows(count * static_cast<std::size_t>(features));
  for (T& value : rows)
    value = below(often ? 2 : 40, random) == 0 ? some[below(some.size(), random)]
                                               : static_cast<T>(normal(random));
  return rows;
}

template std::vector<float> random_rows(std::size_t, std::int32_t, std::mt19937&);
template std::vector<double> random_rows(std::size_t, std::int32_t, std::mt19937&);

std::vector<double> margins(const Forest& forest, const std::vector<double>& row) {
  return forest.number == Number::kFloat32 ? sums<float>(forest, row) : sums<double>(forest, row);
}

}  // namespace amas::engines::forest::plain
