#include "engines/forest/lightgbm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <span>

#include "base/limits.h"
#include "base/text.h"

namespace amas::engines::forest {
namespace {

/// The lines KEY=VALUE of the header or of one tree.
using Fields = std::map<std::string_view, std::string_view>;

std::string_view field(const Fields& fields, std::string_view key) {
  const auto at = fields.find(key);
  return at == fields.end() ? std::string_view{} : at->second;
}

template <class T>
Result<T> number_in(std::string_view text, std::string_view what) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return invalid_argument(fmt::format("{} is no number: \"{}\"", what, cut_utf8(text, 40)));
  return value;
}

Result<std::int64_t> count_field(const Fields& fields, std::string_view key, std::size_t largest,
                                 std::int64_t fallback) {
  const std::string_view text = trim(field(fields, key));
  if (text.empty()) return fallback;
  AMAS_TRY(const auto value, number_in<std::int64_t>(text, key));
  if (value < 0 || value > static_cast<std::int64_t>(largest))
    return invalid_argument(fmt::format("{} is impossible: {}", key, value));
  return value;
}

/// Numbers between spaces; as many as `size`.
template <class T>
Result<std::vector<T>> list_field(const Fields& fields, std::string_view key, std::size_t size) {
  std::vector<T> values;
  for (const std::string_view word : split_at(trim(field(fields, key)), ' ')) {
    if (word.empty()) continue;
    AMAS_TRY(const T value, number_in<T>(word, key));
    values.push_back(value);
  }
  if (values.size() != size)
    return invalid_argument(fmt::format("{} has {} elements, not {}", key, values.size(), size));
  return values;
}

/// The objective's name and its settings, such as "binary sigmoid:1".
Status set_link(std::string_view objective, Forest& forest) {
  const auto words = split_at(trim(objective), ' ');
  const std::string_view name = words[0];
  forest.objective = name;
  constexpr std::array<std::string_view, 12> kIdentity{
      "",     "regression", "regression_l1", "huber",  "fair", "quantile",
      "mape", "lambdarank", "rank_xendcg",   "custom", "none", "mean_absolute_percentage_error"};
  constexpr std::array<std::pair<std::string_view, Link>, 8> kOthers{
      {{"binary", Link::kLogistic},
       {"multiclassova", Link::kLogistic},
       {"cross_entropy", Link::kLogistic},
       {"multiclass", Link::kSoftmax},
       {"poisson", Link::kExp},
       {"gamma", Link::kExp},
       {"tweedie", Link::kExp},
       {"cross_entropy_lambda", Link::kLogOnePlusExp}}};
  const auto other = std::ranges::find(kOthers, name, &std::pair<std::string_view, Link>::first);
  if (other != kOthers.end()) forest.link = other->second;
  else if (std::ranges::count(kIdentity, name) == 0)
    return unimplemented(fmt::format("LightGBM objective is not known: {}", cut_utf8(name, 60)));
  for (const std::string_view word : std::span(words).subspan(1)) {
    if (word == "sqrt" && name.starts_with("regression")) forest.link = Link::kSignedSquare;
    if (!word.starts_with("sigmoid:")) continue;
    AMAS_TRY(forest.link_scale, number_in<double>(word.substr(8), "sigmoid"));
  }
  return {};
}

/// The lists of one tree; n - 1 splits and n leaves.
struct TreeLists {
  std::vector<std::int64_t> feature, type, left, right, boundaries;
  std::vector<double> threshold, leaf;
  std::vector<std::uint32_t> words;
};

Result<TreeLists> read_lists(const Fields& fields) {
  if (trim(field(fields, "is_linear")) == "1") return unimplemented("its leaves are linear models");
  AMAS_TRY(const std::int64_t leaves, count_field(fields, "num_leaves", limits::kDocumentBytesMax, 0));
  AMAS_TRY(const std::int64_t sets, count_field(fields, "num_cat", limits::kDocumentBytesMax, 0));
  if (leaves < 1) return invalid_argument("it has no leaves");
  const auto splits = static_cast<std::size_t>(leaves - 1);
  TreeLists lists;
  AMAS_TRY(lists.leaf, list_field<double>(fields, "leaf_value", static_cast<std::size_t>(leaves)));
  if (splits == 0) return lists;
  AMAS_TRY(lists.feature, list_field<std::int64_t>(fields, "split_feature", splits));
  AMAS_TRY(lists.threshold, list_field<double>(fields, "threshold", splits));
  AMAS_TRY(lists.type, list_field<std::int64_t>(fields, "decision_type", splits));
  AMAS_TRY(lists.left, list_field<std::int64_t>(fields, "left_child", splits));
  AMAS_TRY(lists.right, list_field<std::int64_t>(fields, "right_child", splits));
  if (sets == 0) return lists;
  AMAS_TRY(lists.boundaries,
           list_field<std::int64_t>(fields, "cat_boundaries", static_cast<std::size_t>(sets) + 1));
  const std::int64_t words = lists.boundaries.back();
  if (lists.boundaries.front() != 0 || !std::ranges::is_sorted(lists.boundaries))
    return invalid_argument("cat_boundaries do not rise from 0");
  AMAS_TRY(lists.words, list_field<std::uint32_t>(fields, "cat_threshold", static_cast<std::size_t>(words)));
  return lists;
}

class Reader {
 public:
  Result<Forest> read(std::string_view text);

 private:
  Status read_header(const Fields& header);
  Status add_tree(const Fields& fields, std::int64_t number);
  Status add_split(const TreeLists& lists, std::size_t split, std::int32_t first);
  Status set_categories(const TreeLists& lists, std::size_t split, Node& node);
  Result<std::int32_t> child(const TreeLists& lists, std::int64_t index, std::int32_t first) const;

  Forest forest_{};
  std::size_t categories_ = 0;  ///< members of all sets
};

Status Reader::read_header(const Fields& header) {
  AMAS_TRY(const auto features, count_field(header, "max_feature_idx", limits::kForestFeaturesMax - 1, -1));
  AMAS_TRY(const auto classes, count_field(header, "num_class", limits::kForestTargetsMax, 1));
  AMAS_TRY(const auto columns,
           count_field(header, "num_tree_per_iteration", limits::kForestTargetsMax, classes));
  if (features < 0 || columns < 1)
    return invalid_argument("LightGBM model lacks max_feature_idx or has no trees");
  forest_.number = Number::kFloat64;
  forest_.features = static_cast<std::int32_t>(features) + 1;
  forest_.targets = static_cast<std::int32_t>(columns);
  if (const auto names = trim(field(header, "feature_names")); !names.empty())
    for (const std::string_view name : split_at(names, ' ')) forest_.feature_names.emplace_back(name);
  return set_link(field(header, "objective"), forest_);
}

/// Splits stand first, then the leaves, which have negative numbers: -1 is leaf 0.
Result<std::int32_t> Reader::child(const TreeLists& lists, std::int64_t index, std::int32_t first) const {
  const std::int64_t splits = std::ssize(lists.feature), leaf = -index - 1;
  if (index >= splits || leaf >= std::ssize(lists.leaf))
    return invalid_argument(fmt::format("a child is outside: {} of {} splits", index, splits));
  return first + static_cast<std::int32_t>(index >= 0 ? index : splits + leaf);
}

/// The threshold of a categorical split is the number of its set.
Status Reader::set_categories(const TreeLists& lists, std::size_t split, Node& node) {
  const double number = lists.threshold[split];
  if (!(number >= 0 && number + 1 < static_cast<double>(lists.boundaries.size())))
    return invalid_argument(fmt::format("split {} has no categories", split));
  const auto set = static_cast<std::size_t>(number);
  std::vector<double> members;
  const auto begin = static_cast<std::size_t>(lists.boundaries[set]);
  const auto end = static_cast<std::size_t>(lists.boundaries[set + 1]);
  for (std::size_t word = begin; word < end; ++word)
    for (std::size_t bit = 0; bit < 32; ++bit)
      if (((lists.words[word] >> bit) & 1U) != 0)
        members.push_back(static_cast<double>((word - begin) * 32 + bit));
  categories_ += members.size();
  if (categories_ > limits::kForestCategoriesMax)
    return resource_exhausted(
        fmt::format("the model has too many categories: more than {}", limits::kForestCategoriesMax));
  node.set = static_cast<std::int32_t>(forest_.sets.size());
  forest_.sets.push_back(std::move(members));
  node.test = Condition::kMemberTruncated;
  node.missing = Missing::kNanNo;
  return {};
}

/// LightGBM reads every |x| <= kZeroThreshold of a dense row as 0. So a threshold within that range is moved
/// to its end on the side that 0 does not lie on.
double outside_zero(double threshold) {
  if (threshold >= 0) return std::max(threshold, kZeroThreshold);
  if (threshold < -kZeroThreshold) return threshold;
  return std::nextafter(-kZeroThreshold, -std::numeric_limits<double>::infinity());
}

Status Reader::add_split(const TreeLists& lists, std::size_t split, std::int32_t first) {
  constexpr std::int64_t kCategorical = 1, kDefaultLeft = 2;
  enum MissingType : std::int64_t { kNone, kZero, kNan };
  Node node;
  if (lists.feature[split] < 0 || lists.feature[split] >= forest_.features)
    return invalid_argument(
        fmt::format("split {} asks for feature {} of {}", split, lists.feature[split], forest_.features));
  node.feature = static_cast<std::int32_t>(lists.feature[split]);
  AMAS_TRY(node.yes, child(lists, lists.left[split], first));
  AMAS_TRY(node.no, child(lists, lists.right[split], first));
  const std::int64_t type = lists.type[split];
  if (type < 0 || type > 11)
    return invalid_argument(fmt::format("split {} has decision_type {}", split, type));
  if ((type & kCategorical) != 0) {
    AMAS_CHECK(set_categories(lists, split, node));
  } else {
    const std::int64_t missing = type >> 2;
    const bool left = missing == kNone ? lists.threshold[split] >= 0 : (type & kDefaultLeft) != 0;
    if (missing == kZero) node.missing = left ? Missing::kZeroYes : Missing::kZeroNo;
    else node.missing = left ? Missing::kNanYes : Missing::kNanNo;
    node.test = Condition::kLessEqual;
    node.threshold = outside_zero(lists.threshold[split]);
    if (std::isnan(lists.threshold[split]))
      return invalid_argument(fmt::format("split {} has no threshold", split));
  }
  forest_.nodes.push_back(node);
  return {};
}

Status Reader::add_tree(const Fields& fields, std::int64_t number) {
  AMAS_TRY(const TreeLists lists, read_lists(fields));
  const auto first = static_cast<std::int32_t>(forest_.nodes.size());
  if (forest_.nodes.size() + 2 * lists.leaf.size() >
      static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    return resource_exhausted("the model has too many nodes");
  for (std::size_t split = 0; split < lists.feature.size(); ++split)
    AMAS_CHECK(add_split(lists, split, first));
  const auto target = static_cast<std::int32_t>(number % forest_.targets);
  for (const double value : lists.leaf) {
    const auto vote = static_cast<std::int32_t>(forest_.votes.size());
    forest_.nodes.push_back({.yes = vote, .no = vote + 1});
    forest_.votes.push_back({target, value});
  }
  forest_.roots.push_back(first);
  return {};
}

Result<Forest> Reader::read(std::string_view text) {
  Fields fields;
  bool in_header = true, average = false, ended = false;
  std::int64_t trees = 0;
  const auto finish = [&]() -> Status {
    if (in_header) return read_header(fields);
    auto status = add_tree(fields, trees++);
    return status ? Status{} : status.error().at(fmt::format("LightGBM tree {}", trees - 1));
  };
  for (std::string_view line : split_at(text, '\n')) {
    line = trim(line);
    ended = line == "end of trees";
    if (ended) break;
    if (line.starts_with("Tree=")) {
      AMAS_CHECK(finish());
      in_header = false;
      fields.clear();
    }
    if (line == "average_output") average = true;
    const std::size_t at = line.find('=');
    if (at != std::string_view::npos) fields[line.substr(0, at)] = line.substr(at + 1);
  }
  AMAS_CHECK(finish());
  if (!ended) return invalid_argument("LightGBM model is cut off: there is no \"end of trees\"");
  if (trees % forest_.targets != 0)
    return invalid_argument(
        fmt::format("LightGBM model has {} trees for {} classes", trees, forest_.targets));
  if (average) forest_.link_divisor = static_cast<double>(std::max<std::int64_t>(trees / forest_.targets, 1));
  AMAS_CHECK(validate(forest_));
  return std::move(forest_);
}

}  // namespace

Result<Forest> read_lightgbm(std::string_view text) {
  if (text.size() > limits::kDocumentBytesMax)
    return resource_exhausted(fmt::format("LightGBM model is larger than allowed: {} > {} bytes", text.size(),
                                          limits::kDocumentBytesMax));
  const std::string_view first = trim(text.substr(0, text.find('\n')));
  if (first != "tree") return unimplemented("not a LightGBM model of trees: its first line must be \"tree\"");
  return Reader().read(text);
}

}  // namespace amas::engines::forest
