#include "engines/forest/onnx_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace amas::engines::forest {
namespace {

/// A target's score in the forest's number type; without a vote it counts as 0, whatever was added to it.
template <class S>
struct Score {
  S sum = 0;
  bool voted = false;
  S value() const { return voted ? sum : S{0}; }
};

/// The formulas below are those of ONNX's reference: in float, even for double sums.
float logistic(float margin) {
  const float v = 1.0F / (1.0F + std::exp(-std::abs(margin)));
  return margin < 0 ? 1.0F - v : v;
}

/// Winitzki's approximation of the inverse error function, as ONNX Runtime has it.
float inverse_erf(float x) {
  constexpr float kShape = 0.147F;
  const float sign = x < 0 ? -1.0F : 1.0F;
  const float log = std::log((1 - x) * (1 + x));
  const float v = 2 / (std::numbers::pi_v<float> * kShape) + 0.5F * log;
  const float w = 1 / kShape * log;
  return sign * std::sqrt(-v + std::sqrt(v * v - w));
}

float probit(float margin) { return std::numbers::sqrt2_v<float> * inverse_erf(2 * margin - 1); }

template <class S>
void softmax(std::span<Score<S>> scores) {
  float largest = -std::numeric_limits<float>::max();
  for (const auto& score : scores) largest = std::max(largest, static_cast<float>(score.value()));
  float sum = 0;
  for (auto& score : scores) {
    score = {static_cast<S>(std::exp(static_cast<float>(score.value()) - largest)), true};
    sum += static_cast<float>(score.value());
  }
  for (auto& score : scores) score.sum = static_cast<S>(static_cast<float>(score.value()) / sum);
}

template <class S>
void softmax_zero(std::span<Score<S>> scores) {
  constexpr float kZero = 0.0000001F;
  float largest = -std::numeric_limits<float>::max();
  for (const auto& score : scores) largest = std::max(largest, static_cast<float>(score.value()));
  const float shrunk = std::exp(-largest);
  float sum = 0;
  for (auto& score : scores) {
    const auto value = static_cast<float>(score.value());
    if (value > kZero || value < -kZero) {
      score = {static_cast<S>(std::exp(value - largest)), true};
      sum += static_cast<float>(score.value());
    } else {
      score = {score.value() * static_cast<S>(shrunk), true};
    }
  }
  for (auto& score : scores) score.sum = score.value() / static_cast<S>(sum);
}

template <class S>
void link(Link link, std::span<Score<S>> scores) {
  switch (link) {
    case Link::kProbit:
      for (auto& score : scores) score = {probit(static_cast<float>(score.value())), true};
      break;
    case Link::kLogistic:
      for (auto& score : scores) score = {logistic(static_cast<float>(score.value())), true};
      break;
    case Link::kSoftmax:
      softmax(scores);
      break;
    case Link::kSoftmaxZero:
      softmax_zero(scores);
      break;
    default:
      break;
  }
}

/// The two scores of a classifier whose leaves vote for one of its two classes.
template <class S>
void write_one_sided(const TreeOperator& trees, S sum, std::span<double> scores) {
  if (trees.forest.link == Link::kLogistic) {
    scores[0] = static_cast<double>(logistic(static_cast<float>(-sum)));
    scores[1] = static_cast<double>(logistic(static_cast<float>(sum)));
  } else if (trees.one_sided && trees.all_positive) {
    scores[0] = static_cast<double>(S{1} - sum);
    scores[1] = static_cast<double>(sum);
  } else {
    scores[0] = static_cast<double>(-sum);
    scores[1] = static_cast<double>(sum);
  }
}

template <class S>
void write(std::span<const Score<S>> from, std::span<double> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<double>(from[i].value());
}

/// Two classes: returns the winner.
template <class S>
std::size_t two_classes(const TreeOperator& trees, std::span<Score<S>> score, std::span<double> scores) {
  bool single = false;
  if (trees.base_values.size() == 2) {
    if (score[1].voted) {
      score[1].sum = static_cast<S>(trees.base_values[1]) + score[0].sum;
      score[0].sum = -score[1].sum;
    } else {
      score[1].sum += static_cast<S>(trees.base_values[1]);
      score[0].sum += static_cast<S>(trees.base_values[0]);
    }
  } else {
    if (trees.base_values.size() == 1) score[0].sum += static_cast<S>(trees.base_values[0]);
    single = !score[1].voted;
  }
  const S positive = score[1].voted ? score[1].sum : score[0].value();
  const bool half = trees.one_sided && trees.all_positive;
  const std::size_t winner = half ? positive > S{0.5} : positive > S{0};
  if (single) {
    write_one_sided(trees, score[0].sum, scores);
  } else {
    link(trees.forest.link, score);
    write<S>(score, scores);
  }
  return winner;
}

template <class S>
std::size_t many_classes(const TreeOperator& trees, std::span<Score<S>> score, std::span<double> scores) {
  for (std::size_t i = 0; i < trees.base_values.size(); ++i)
    score[i] = {score[i].voted ? score[i].sum + static_cast<S>(trees.base_values[i])
                               : static_cast<S>(trees.base_values[i]),
                true};
  std::size_t winner = 0;
  bool any = false;
  for (std::size_t i = 0; i < score.size(); ++i)
    if (score[i].voted && (!any || score[i].sum > score[winner].sum)) {
      any = true;
      winner = i;
    }
  link(trees.forest.link, score);
  write<S>(score, scores);
  return winner;
}

template <class S>
void regression(const TreeOperator& trees, std::span<Score<S>> score, std::span<double> scores) {
  const bool extreme = trees.forest.aggregate == Aggregate::kMin || trees.forest.aggregate == Aggregate::kMax;
  // Also where there is no base, 0 is added to the smallest and largest, which turns a -0 round.
  for (std::size_t i = 0; i < score.size() && (extreme || !trees.base_values.empty()); ++i) {
    const S base = trees.base_values.empty() ? S{0} : static_cast<S>(trees.base_values[i]);
    score[i].sum = base + (extreme ? score[i].value() : score[i].sum);
  }
  if (score.size() == 1) {
    scores[0] = static_cast<double>(trees.forest.link == Link::kProbit
                                        ? static_cast<S>(probit(static_cast<float>(score[0].sum)))
                                        : score[0].sum);
    return;
  }
  link(trees.forest.link, score);
  write<S>(score, scores);
}

template <class S>
std::size_t scores_of(const TreeOperator& trees, std::span<const double> margins,
                      std::span<const std::uint8_t> voted, std::span<double> scores) {
  constexpr std::size_t kFew = 32;
  std::array<Score<S>, kFew> few;
  std::vector<Score<S>> many(margins.size() > kFew ? margins.size() : 0);
  const std::span<Score<S>> score = many.empty() ? std::span(few).first(margins.size()) : std::span(many);
  for (std::size_t i = 0; i < margins.size(); ++i) score[i] = {static_cast<S>(margins[i]), voted[i] != 0};
  if (!trees.classifier) {
    regression<S>(trees, score, scores);
    return 0;
  }
  return score.size() == 2 ? two_classes<S>(trees, score, scores) : many_classes<S>(trees, score, scores);
}

}  // namespace

std::size_t onnx_scores(const TreeOperator& trees, std::span<const double> margins,
                        std::span<const std::uint8_t> voted, std::span<double> scores) {
  return trees.forest.number == Number::kFloat32 ? scores_of<float>(trees, margins, voted, scores)
                                                 : scores_of<double>(trees, margins, voted, scores);
}

Status check_scores_known(const TreeOperator& trees) {
  if (!trees.classifier) return {};
  if (trees.forest.aggregate != Aggregate::kSum)
    return unimplemented("TreeEnsembleClassifier sums, whatever its aggregate_function says");
  if (trees.forest.targets == 2 && trees.forest.link == Link::kProbit)
    return unimplemented("TreeEnsembleClassifier with PROBIT and two classes leaves a score unwritten");
  if (trees.forest.targets == 2 && trees.base_values.size() == 1 && !trees.one_sided)
    return unimplemented(
        "TreeEnsembleClassifier with one base value for two classes leaves a score unwritten");
  if (trees.forest.targets == 2 && !trees.one_sided && !trees.labels.empty() &&
      trees.labels != std::vector<std::int64_t>{0, 1})
    return unimplemented("TreeEnsembleClassifier with two voted classes answers 0 and 1 whatever its labels");
  return {};
}

}  // namespace amas::engines::forest
