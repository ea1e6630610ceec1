#pragma once

// For tests: a forest walked node by node as forest.h describes it, and random forests and rows to walk.

#include <random>
#include <vector>

#include "engines/forest/forest.h"

namespace amas::engines::forest::plain {

/// What random_forest() may put into a forest.
struct Kinds {
  Number number = Number::kFloat32;
  std::int32_t features = 5, targets = 1;
  std::size_t trees = 20;
  std::int32_t depth_max = 6;
  bool all_tests = false;     ///< else one of the four inequalities, the same everywhere
  bool zero_missing = false;  ///< also Missing::kZero…
  bool many_votes = false;    ///< leaves with any number of votes, else one, for one target a tree
  std::size_t votes_min = 0;  ///< of many
  Aggregate aggregate = Aggregate::kSum;
  bool base = false;
};

/// A valid forest whose thresholds come from a short list, so that rows meet them exactly.
Forest random_forest(const Kinds& kinds, std::mt19937& random);

/// `count` rows of values that forests of random_forest() decide on, and NaN, infinities, zeros of both signs
/// and denormals.
template <class T>
std::vector<T> random_rows(std::size_t count, std::int32_t features, std::mt19937& random);

/// The margins of one row, in the forest's number type, trees in order.
std::vector<double> margins(const Forest& forest, const std::vector<double>& row);

}  // namespace amas::engines::forest::plain
