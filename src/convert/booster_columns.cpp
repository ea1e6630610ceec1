#include "convert/booster_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "model/onnx_graph.h"

namespace amas::convert {
namespace {

using namespace engines::forest;
using onnx::TensorProto;

enum Kind : std::uint8_t { kUnused, kNumber, kZeroMissing, kFloored, kTruncated };

Kind kind_of(const Node& node) {
  if (node.test == Condition::kMemberFloor) return kFloored;
  if (node.test == Condition::kMemberTruncated) return kTruncated;
  return node.missing > Missing::kNanYes ? kZeroMissing : kNumber;
}

bool any(const std::vector<std::uint8_t>& mask) { return std::ranges::count(mask, 0) != std::ssize(mask); }

// Nodes that prepare rows; they are appended and then moved in front of the trees.
class Front {
 public:
  Front(bool wide, onnx::GraphProto& graph) : wide_(wide), graph_(graph) {}

  const std::string& value() const { return value_; }

  // Takes `changed` in the columns of the mask.
  void choose(const std::vector<std::uint8_t>& mask, std::string_view name, const std::string& changed) {
    const std::string is = fmt::format("is_{}", name), bits = is + "_bits";
    add_mask(mask, bits, is);
    const std::string from = value_;
    value_ = fmt::format("{}_columns", name);
    model::add_node(graph_, "Where", {is, changed, from}, value_);
  }

  void floor(const std::vector<std::uint8_t>& mask) {
    model::add_node(graph_, "Floor", {value_}, "rounded_down");
    choose(mask, "floored", "rounded_down");
  }

  void truncate(const std::vector<std::uint8_t>& mask) {
    const std::string from = value_;
    model::add_node(graph_, "Abs", {from}, "sizes");
    model::add_node(graph_, "Floor", {"sizes"}, "whole_sizes");
    model::add_node(graph_, "Sign", {from}, "signs");
    model::add_node(graph_, "Mul", {"whole_sizes", "signs"}, "rounded_to_zero");
    choose(mask, "truncated", "rounded_to_zero");
  }

  void zeros_to_missing(const std::vector<std::uint8_t>& mask) {
    const std::string from = value_;
    number("largest_zero", kZeroThreshold);
    number("missing", std::numeric_limits<double>::quiet_NaN());
    model::add_node(graph_, "Abs", {from}, "distances");
    model::add_node(graph_, "LessOrEqual", {"distances", "largest_zero"}, "are_zero");
    model::add_node(graph_, "Where", {"are_zero", "missing", from}, "without_zeros");
    choose(mask, "zero_missing", "without_zeros");
  }

 private:
  void number(std::string_view name, double value) {
    if (wide_) model::add_constant<double>(graph_, name, {1}, std::array{value});
    else model::add_constant<float>(graph_, name, {1}, std::array{static_cast<float>(value)});
  }

  void add_mask(const std::vector<std::uint8_t>& mask, const std::string& bits, const std::string& name) {
    model::add_constant<std::uint8_t>(graph_, bits, {1, static_cast<std::int64_t>(mask.size())}, mask);
    model::set_int(model::add_node(graph_, "Cast", {bits}, name), "to", TensorProto::BOOL);
  }

  const bool wide_;
  onnx::GraphProto& graph_;
  std::string value_ = "features";
};

}  // namespace

Columns columns_of(const Forest& forest) {
  const auto count = static_cast<std::size_t>(forest.features);
  std::vector<Kind> kinds(count, kUnused);
  Columns columns;
  columns.mixed.resize(count);
  for (const Node& node : forest.nodes) {
    if (node.test == Condition::kLeaf) continue;
    Kind& kind = kinds[static_cast<std::size_t>(node.feature)];
    if (kind != kUnused && kind != kind_of(node)) columns.mixed[static_cast<std::size_t>(node.feature)] = 1;
    kind = kind_of(node);
  }
  const auto mask = [&](Kind wanted) {
    std::vector<std::uint8_t> bits;
    for (const Kind kind : kinds) bits.push_back(kind == wanted ? 1 : 0);
    return bits;
  };
  columns.floored = mask(kFloored);
  columns.truncated = mask(kTruncated);
  columns.zero_missing = mask(kZeroMissing);
  return columns;
}

Status check_columns(const Columns& columns) {
  const auto mixed = std::ranges::find(columns.mixed, 1);
  if (mixed == columns.mixed.end()) return {};
  return unimplemented(
      fmt::format("the trees treat one column in two ways, which ONNX cannot say: column {}; train the model "
                  "with one kind of column and missing value",
                  mixed - columns.mixed.begin()));
}

void say_plainly(Forest& forest) {
  for (Node& node : forest.nodes) {
    if (node.test == Condition::kLeaf) continue;
    if (node.missing == Missing::kZeroNo) node.missing = Missing::kNanNo;
    if (node.missing == Missing::kZeroYes) node.missing = Missing::kNanYes;
    if (node.test < Condition::kMember) continue;
    node.test = Condition::kMember;
    if (!forest.sets[static_cast<std::size_t>(node.set)].empty()) continue;
    // No value is in an empty set, and none is below minus infinity.
    node.test = Condition::kLess;
    node.threshold = -std::numeric_limits<double>::infinity();
  }
}

void prepare_columns(const Columns& columns, bool wide, onnx::GraphProto& graph) {
  const int before = graph.node_size();
  Front front(wide, graph);
  if (any(columns.floored)) front.floor(columns.floored);
  if (any(columns.truncated)) front.truncate(columns.truncated);
  if (any(columns.zero_missing)) front.zeros_to_missing(columns.zero_missing);
  for (int i = 0; i < before; ++i)
    for (std::string& input : *graph.mutable_node(i)->mutable_input())
      if (input == "features") input = front.value();
  auto& nodes = *graph.mutable_node();
  std::rotate(nodes.pointer_begin(), nodes.pointer_begin() + before, nodes.pointer_end());
}

void rename_value(onnx::GraphProto& graph, std::string_view from, std::string_view to) {
  const auto rename = [&](auto& names) {
    for (std::string& name : names)
      if (name == from) name = to;
  };
  for (onnx::NodeProto& node : *graph.mutable_node()) {
    rename(*node.mutable_input());
    rename(*node.mutable_output());
    if (node.name() == from) node.set_name(to.data(), to.size());
  }
}

}  // namespace amas::convert
