#include "engines/forest/xgboost.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/limits.h"
#include "base/text.h"
#include "engines/forest/ubjson.h"

namespace amas::engines::forest {
namespace {

constexpr std::int64_t kCategoryMax = 1 << 24;  // the library takes larger ones for unknown

/// The field of an object, which must be an object (or array) itself.
Result<const Json*> part(const Json& object, const char* key) {
  if (!object.is_object()) return invalid_argument(fmt::format("XGBoost model has no object around {}", key));
  const auto at = object.find(key);
  if (at == object.end() || !at->is_structured())
    return invalid_argument(fmt::format("XGBoost model lacks a part: {}", key));
  return &*at;
}

template <class T>
Result<T> number_in(std::string_view text, std::string_view what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return invalid_argument(
        fmt::format("XGBoost model has no number for {}: \"{}\"", what, cut_utf8(text, 40)));
  return value;
}

/// Parameters are written as strings.
Result<std::int64_t> parameter(const Json& object, std::string_view key, std::size_t largest,
                               std::int64_t fallback) {
  AMAS_TRY(const auto text, json_field_or<std::string>(object, key, ""));
  if (text.empty()) return fallback;
  AMAS_TRY(const auto value, number_in<std::int64_t>(text, key));
  if (value < 0 || value > static_cast<std::int64_t>(largest))
    return invalid_argument(fmt::format("XGBoost model has an impossible {}: {}", key, value));
  return value;
}

/// A list of numbers (or truth values) with `size` elements.
template <class T>
Result<std::vector<T>> list(const Json& object, const char* key, std::size_t size) {
  AMAS_TRY(const Json* array, part(object, key));
  if (array->size() != size)
    return invalid_argument(fmt::format("{} has {} elements, not {}", key, array->size(), size));
  std::vector<T> values;
  values.reserve(size);
  for (const Json& value : *array) {
    if (value.is_boolean()) values.push_back(static_cast<T>(value.get<bool>()));
    else if (value.is_number() && std::abs(value.get<double>()) < 0x1p62) values.push_back(value.get<T>());
    else return invalid_argument(fmt::format("{} has an element that is no number", key));
  }
  return values;
}

std::size_t size_of(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at == object.end() ? 0 : at->size();
}

/// How an objective turns a base score into a margin, and margins into predictions.
struct Objective {
  Link link = Link::kIdentity;
  enum class Base : std::uint8_t { kMargin, kProbability, kLog } base = Base::kMargin;
};

Result<Objective> objective_of(const std::string& name) {
  using Base = Objective::Base;
  struct Known {
    std::string_view name;
    Objective objective;
  };
  static constexpr std::array kKnown{Known{"reg:squarederror", {}},
                                     Known{"reg:squaredlogerror", {}},
                                     Known{"reg:pseudohubererror", {}},
                                     Known{"reg:absoluteerror", {}},
                                     Known{"reg:quantileerror", {}},
                                     Known{"rank:ndcg", {}},
                                     Known{"rank:pairwise", {}},
                                     Known{"rank:map", {}},
                                     Known{"binary:logistic", {Link::kLogistic, Base::kProbability}},
                                     Known{"reg:logistic", {Link::kLogistic, Base::kProbability}},
                                     Known{"binary:logitraw", {}},
                                     Known{"binary:hinge", {Link::kSign, Base::kMargin}},
                                     Known{"multi:softprob", {Link::kSoftmax, Base::kMargin}},
                                     Known{"multi:softmax", {Link::kArgmax, Base::kMargin}},
                                     Known{"count:poisson", {Link::kExp, Base::kLog}},
                                     Known{"reg:gamma", {Link::kExp, Base::kLog}},
                                     Known{"reg:tweedie", {Link::kExp, Base::kLog}}};
  for (const Known& known : kKnown)
    if (known.name == name) return known.objective;
  return unimplemented("XGBoost objective is not known: " + name);
}

/// "5E-1", or "[5E-1,2E0]" with a value for each target; in the objective's own unit.
Result<std::vector<double>> base_of(const std::string& text, Objective objective, std::int32_t targets) {
  std::string_view inside = trim(text);
  if (inside.starts_with('[') && inside.ends_with(']')) inside = inside.substr(1, inside.size() - 2);
  std::vector<double> base;
  for (const std::string_view one : split_at(inside, ',')) {
    AMAS_TRY(auto value, number_in<float>(trim(one), "base_score"));
    if (objective.base == Objective::Base::kProbability) value = -std::log(1.0F / value - 1.0F);
    else if (objective.base == Objective::Base::kLog) value = std::log(value);
    base.push_back(static_cast<double>(value));
  }
  if (base.size() == 1) base.assign(static_cast<std::size_t>(targets), base[0]);
  if (base.size() != static_cast<std::size_t>(targets))
    return invalid_argument(
        fmt::format("XGBoost model has {} base scores for {} targets", base.size(), targets));
  return base;
}

/// One tree's lists; those of categories are empty where it has none.
struct TreeLists {
  std::vector<std::int64_t> left, right, feature, default_left, split_type;
  std::vector<float> condition, leaf_weights;
  std::vector<std::int64_t> category_nodes, category_begin, category_size, categories;
  std::int64_t vector_size = 1;
};

Result<TreeLists> read_lists(const Json& tree) {
  TreeLists lists;
  AMAS_TRY(const Json* parameters, part(tree, "tree_param"));
  AMAS_TRY(lists.vector_size, parameter(*parameters, "size_leaf_vector", limits::kForestTargetsMax, 1));
  lists.vector_size = std::max<std::int64_t>(lists.vector_size, 1);
  AMAS_TRY(const Json* left, part(tree, "left_children"));
  const std::size_t nodes = left->size();
  if (nodes == 0) return invalid_argument("it has no nodes");
  AMAS_TRY(lists.left, list<std::int64_t>(tree, "left_children", nodes));
  AMAS_TRY(lists.right, list<std::int64_t>(tree, "right_children", nodes));
  AMAS_TRY(lists.feature, list<std::int64_t>(tree, "split_indices", nodes));
  AMAS_TRY(lists.default_left, list<std::int64_t>(tree, "default_left", nodes));
  AMAS_TRY(lists.condition, list<float>(tree, "split_conditions", nodes));
  if (const std::size_t size = size_of(tree, "split_type"); size > 0) {
    AMAS_TRY(lists.split_type, list<std::int64_t>(tree, "split_type", nodes));
  }
  if (const std::size_t size = size_of(tree, "categories_nodes"); size > 0) {
    AMAS_TRY(lists.category_nodes, list<std::int64_t>(tree, "categories_nodes", size));
    AMAS_TRY(lists.category_begin, list<std::int64_t>(tree, "categories_segments", size));
    AMAS_TRY(lists.category_size, list<std::int64_t>(tree, "categories_sizes", size));
    AMAS_TRY(lists.categories, list<std::int64_t>(tree, "categories", size_of(tree, "categories")));
  }
  if (lists.vector_size > 1) {
    const std::size_t size = size_of(tree, "leaf_weights");
    if (size == 0)
      return unimplemented("its leaf vectors are in the format before XGBoost 3.2; save it again");
    AMAS_TRY(lists.leaf_weights, list<float>(tree, "leaf_weights", size));
  }
  return lists;
}

class Reader {
 public:
  Result<Forest> read(const Json& document);

 private:
  Status read_header(const Json& learner);
  Status add_tree(const Json& tree, std::int64_t group, float weight);
  Status add_leaf(Node& leaf, std::size_t at, std::int64_t group, float weight);
  Status add_split(Node& split, std::size_t at);
  Result<std::int32_t> add_set(std::size_t node);

  Forest forest_{};
  TreeLists lists_{};
};

Status Reader::read_header(const Json& learner) {
  AMAS_TRY(const Json* parameters, part(learner, "learner_model_param"));
  AMAS_TRY(const auto features, parameter(*parameters, "num_feature", limits::kForestFeaturesMax, 0));
  AMAS_TRY(const auto classes, parameter(*parameters, "num_class", limits::kForestTargetsMax, 0));
  AMAS_TRY(const auto targets, parameter(*parameters, "num_target", limits::kForestTargetsMax, 1));
  AMAS_TRY(const Json* described, part(learner, "objective"));
  AMAS_TRY(const auto name, json_field<std::string>(*described, "name"));
  AMAS_TRY(const auto objective, objective_of(name));
  if (classes > 1 && targets > 1) return unimplemented("XGBoost model of several targets with classes");
  forest_.features = static_cast<std::int32_t>(features);
  forest_.targets = static_cast<std::int32_t>(std::max({classes, targets, std::int64_t{1}}));
  forest_.link = objective.link;
  forest_.objective = name;
  forest_.base_order = BaseOrder::kFirst;
  if (size_of(learner, "feature_names") > 0) {
    AMAS_TRY(forest_.feature_names, json_array<std::string>(learner, "feature_names"));
  }
  AMAS_TRY(const auto score, json_field<std::string>(*parameters, "base_score"));
  AMAS_TRY(forest_.base, base_of(score, objective, forest_.targets));
  return {};
}

/// Leaves of a DART model shrink by the weight of their tree, in float as the library does it.
Status Reader::add_leaf(Node& leaf, std::size_t at, std::int64_t group, float weight) {
  leaf.yes = static_cast<std::int32_t>(forest_.votes.size());
  if (lists_.vector_size == 1) {
    if (group < 0 || group >= forest_.targets)
      return invalid_argument(fmt::format("it is for target {}", group));
    forest_.votes.push_back(
        {static_cast<std::int32_t>(group), static_cast<double>(lists_.condition[at] * weight)});
  } else {
    const std::int64_t first = lists_.right[at];
    if (lists_.vector_size != forest_.targets || first < 0 || first >= std::ssize(lists_.leaf_weights) ||
        static_cast<std::size_t>((first + 1) * lists_.vector_size) > lists_.leaf_weights.size())
      return invalid_argument(fmt::format("leaf {} has no vector of {} weights", at, forest_.targets));
    for (std::int32_t target = 0; target < forest_.targets; ++target)
      forest_.votes.push_back(
          {target,
           static_cast<double>(
               lists_.leaf_weights[static_cast<std::size_t>(first * lists_.vector_size + target)] * weight)});
  }
  leaf.no = static_cast<std::int32_t>(forest_.votes.size());
  return {};
}

Result<std::int32_t> Reader::add_set(std::size_t node) {
  const auto found = std::ranges::find(lists_.category_nodes, static_cast<std::int64_t>(node));
  if (found == lists_.category_nodes.end())
    return invalid_argument(fmt::format("node {} has no categories", node));
  const auto place = static_cast<std::size_t>(found - lists_.category_nodes.begin());
  const std::int64_t begin = lists_.category_begin[place], size = lists_.category_size[place];
  const std::int64_t all = std::ssize(lists_.categories);
  if (begin < 0 || size < 0 || begin > all || size > all - begin)
    return invalid_argument(fmt::format("node {} has categories outside the list", node));
  std::vector<double> set(lists_.categories.begin() + begin, lists_.categories.begin() + begin + size);
  std::ranges::sort(set);
  const auto twice = std::ranges::unique(set);
  set.erase(twice.begin(), twice.end());
  if (!set.empty() && (set.front() < 0 || set.back() >= static_cast<double>(kCategoryMax)))
    return invalid_argument(fmt::format("node {} has a category outside 0 to {}", node, kCategoryMax));
  forest_.sets.push_back(std::move(set));
  return static_cast<std::int32_t>(forest_.sets.size() - 1);
}

/// The categories of a split are those that go right.
Status Reader::add_split(Node& split, std::size_t at) {
  if (lists_.feature[at] < 0 || lists_.feature[at] >= forest_.features)
    return invalid_argument(
        fmt::format("node {} asks for feature {} of {}", at, lists_.feature[at], forest_.features));
  split.feature = static_cast<std::int32_t>(lists_.feature[at]);
  const bool missing_left = lists_.default_left[at] != 0;
  if (lists_.split_type.empty() || lists_.split_type[at] == 0) {
    split.test = Condition::kLess;
    split.threshold = static_cast<double>(lists_.condition[at]);
    split.missing = missing_left ? Missing::kNanYes : Missing::kNanNo;
    if (std::isnan(split.threshold)) return invalid_argument(fmt::format("node {} has no threshold", at));
    return {};
  }
  split.test = Condition::kMemberFloor;
  split.missing = missing_left ? Missing::kNanNo : Missing::kNanYes;
  AMAS_TRY(split.set, add_set(at));
  return {};
}

/// Nodes that were pruned stay in the lists; only what the root reaches is taken.
Status Reader::add_tree(const Json& tree, std::int64_t group, float weight) {
  AMAS_TRY(lists_, read_lists(tree));
  const std::size_t nodes = lists_.left.size();
  std::vector<bool> seen(nodes);
  struct Place {
    std::int64_t node;
    std::int32_t parent;
    bool left;
  };
  forest_.roots.push_back(static_cast<std::int32_t>(forest_.nodes.size()));
  std::vector<Place> open{{0, -1, false}};
  while (!open.empty()) {
    const Place place = open.back();
    open.pop_back();
    if (place.node < 0 || static_cast<std::size_t>(place.node) >= nodes)
      return invalid_argument(fmt::format("a child is outside: {} of {}", place.node, nodes));
    const auto at = static_cast<std::size_t>(place.node);
    if (seen[at]) return invalid_argument(fmt::format("node {} is reached twice", at));
    seen[at] = true;
    const auto index = static_cast<std::int32_t>(forest_.nodes.size());
    if (place.parent >= 0) {
      Node& parent = forest_.nodes[static_cast<std::size_t>(place.parent)];
      const bool yes = place.left == (parent.test == Condition::kLess);
      (yes ? parent.yes : parent.no) = index;
    }
    Node node;
    if (lists_.left[at] == -1) {
      AMAS_CHECK(add_leaf(node, at, group, weight));
    } else {
      AMAS_CHECK(add_split(node, at));
      open.push_back({lists_.right[at], index, false});
      open.push_back({lists_.left[at], index, true});
    }
    forest_.nodes.push_back(node);
  }
  return {};
}

Result<Forest> Reader::read(const Json& document) {
  AMAS_TRY(const Json* learner, part(document, "learner"));
  AMAS_TRY(const Json* booster, part(*learner, "gradient_booster"));
  AMAS_TRY(const auto name, json_field<std::string>(*booster, "name"));
  if (name != "gbtree" && name != "dart")
    return unimplemented(fmt::format("XGBoost booster is not known: {}; gbtree and dart are", name));
  AMAS_CHECK(read_header(*learner));
  const Json* trees_of = booster;
  std::vector<float> weights;
  if (name == "dart") {
    AMAS_TRY(trees_of, part(*booster, "gbtree"));
    AMAS_TRY(weights, list<float>(*booster, "weight_drop", size_of(*booster, "weight_drop")));
  }
  AMAS_TRY(const Json* model, part(*trees_of, "model"));
  AMAS_TRY(const Json* trees, part(*model, "trees"));
  AMAS_TRY(const auto groups, list<std::int64_t>(*model, "tree_info", trees->size()));
  if (!weights.empty() && weights.size() != trees->size())
    return invalid_argument(
        fmt::format("XGBoost model has {} weights for {} trees", weights.size(), trees->size()));
  if (!trees->is_array()) return invalid_argument("XGBoost model lacks a part: trees");
  for (std::size_t i = 0; i < trees->size(); ++i)
    if (auto status = add_tree((*trees)[i], groups[i], weights.empty() ? 1.0F : weights[i]); !status)
      return status.error().at(fmt::format("XGBoost tree {}", i));
  AMAS_CHECK(validate(forest_));
  return std::move(forest_);
}

/// Both formats start with a brace; in UBJSON the type of a key's length follows it.
bool is_ubjson(std::string_view bytes) {
  return bytes.size() > 1 && bytes[0] == '{' &&
         std::string_view("iUIlL$#").find(bytes[1]) != std::string_view::npos;
}

}  // namespace

Result<Forest> read_xgboost(std::string_view bytes) {
  AMAS_TRY(const Json document, is_ubjson(bytes) ? parse_ubjson(bytes) : parse_json(bytes));
  return Reader().read(document);
}

}  // namespace amas::engines::forest
