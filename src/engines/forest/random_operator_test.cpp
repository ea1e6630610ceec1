#include "engines/forest/random_operator.h"

#include <algorithm>
#include <cmath>

#include "engines/forest/plain_walk.h"

namespace amas::engines::forest::plain {
namespace {

/// What no operator of that version can say becomes something that it can.
void make_sayable(Forest& forest, std::int64_t version) {
  for (Node& node : forest.nodes) {
    if (node.set == 2) node.set = 3;  // whole numbers only
    if (node.test >= Condition::kMember) node.test = version == 5 ? Condition::kMember : Condition::kEqual;
    if (node.test == Condition::kNotEqual) node.missing = Missing::kNanYes;
  }
}

void make_classifier(TreeOperator& trees, std::mt19937& random) {
  Forest& forest = trees.forest;
  const bool names = random() % 3 == 0;
  trees.classifier = true;
  for (std::int64_t i = 0; i < forest.targets; ++i) {
    if (names) trees.label_names.push_back("class " + std::to_string(i));
    else trees.labels.push_back(random() % 4 == 0 ? 7 * i + 3 : i);
  }
  if (forest.targets == 2 && random() % 2 == 0) {
    const auto side = static_cast<std::int32_t>(random() % 4 == 0 ? 1 : 0);
    for (Vote& vote : forest.votes) vote.target = side;
  }
  if (random() % 3 == 0)
    for (Vote& vote : forest.votes)
      vote.weight = std::abs(vote.weight) / static_cast<double>(forest.roots.size());
}

void add_base(TreeOperator& trees, std::mt19937& random) {
  const auto targets = static_cast<std::size_t>(trees.forest.targets);
  std::size_t count = random() % 2 == 0 ? 0 : targets;
  if (trees.classifier && targets == 2) count = random() % 3;
  std::normal_distribution<float> normal;
  for (std::size_t i = 0; i < count; ++i) trees.base_values.push_back(static_cast<double>(normal(random)));
}

}  // namespace

RandomOperator random_operator(std::mt19937& random) {
  RandomOperator made;
  const bool classifier = random() % 2 == 0;
  Kinds kinds;
  kinds.number = random() % 3 == 0 ? Number::kFloat64 : Number::kFloat32;
  kinds.features = 1 + static_cast<std::int32_t>(random() % 8);
  kinds.targets = static_cast<std::int32_t>(classifier ? 2 + random() % 3 * (random() % 2)
                                                       : 1 + random() % 4 * (random() % 2));
  kinds.trees = 1 + random() % 30;
  kinds.depth_max = 1 + static_cast<std::int32_t>(random() % 11);
  kinds.all_tests = random() % 3 == 0;
  kinds.many_votes = kinds.targets > 1 && random() % 2 == 0;
  kinds.votes_min = 1;
  if (!classifier) kinds.aggregate = static_cast<Aggregate>(random() % 4);
  made.trees.forest = random_forest(kinds, random);
  made.trees.forest.link = static_cast<Link>(random() % 5);
  if (classifier) make_classifier(made.trees, random);
  const Forest& forest = made.trees.forest;
  const bool splits = std::ranges::none_of(forest.roots, [&](std::int32_t root) {
    return forest.nodes[static_cast<std::size_t>(root)].test == Condition::kLeaf;
  });
  if (!classifier && !kinds.many_votes && splits && random() % 4 != 0) made.version = 5;
  else if (kinds.number == Number::kFloat32 && random() % 4 == 0) made.version = 1;
  make_sayable(made.trees.forest, made.version);
  if (made.version != 5) add_base(made.trees, random);
  return made;
}

Tensor random_input(const Forest& forest, std::mt19937& random) {
  const auto rows = static_cast<std::int64_t>(1 + random() % 100);
  const Shape shape{rows, forest.features};
  if (forest.number == Number::kFloat32)
    return Tensor::of<float>(shape,
                             random_rows<float>(static_cast<std::size_t>(rows), forest.features, random));
  return Tensor::of<double>(shape,
                            random_rows<double>(static_cast<std::size_t>(rows), forest.features, random));
}

}  // namespace amas::engines::forest::plain
