#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::differential {

/// A graph that grows node after node, with weights drawn at random.
class RandomGraph {
 public:
  /// `random` must outlive this.
  RandomGraph(std::mt19937& random, std::string_view name)
      : random_(random), model_(model::empty_model(name)) {}

 protected:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  /// A number in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  /// True once in so many times.
  bool chance(int one_in) { return between(1, one_in) == 1; }
  /// A name that no other value has.
  std::string name(std::string_view what) { return fmt::format("{}_{}", what, ++names_); }
  /// A constant of floats in [-limit, limit]; its name, as of all below.
  std::string weights(std::string_view what, std::initializer_list<std::int64_t> dims, double limit) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    std::uniform_real_distribution<float> value(static_cast<float>(-limit), static_cast<float>(limit));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& one : values) one = value(random_);
    const std::string made = name(what);
    model::add_constant<float>(graph(), made, dims, std::span<const float>(values));
    return made;
  }
  /// A list of whole numbers.
  std::string integers(std::initializer_list<std::int64_t> values) {
    const std::string made = name("integers");
    const std::vector<std::int64_t> list(values), dims{std::ssize(list)};
    add_integers(model::make_constant<std::int64_t>(made, dims, std::span<const std::int64_t>(list)));
    return made;
  }
  /// One of them.
  std::string integer(std::int64_t value) {
    const std::string made = name("integer");
    add_integers(model::make_constant<std::int64_t>(made, {}, std::span<const std::int64_t>(&value, 1)));
    return made;
  }
  /// As an initializer, or as a node of its own.
  void add_integers(onnx::TensorProto tensor) {
    const std::string made = tensor.name();
    if (chance(2)) *graph().add_initializer() = std::move(tensor);
    else model::set_tensor(model::add_node(graph(), "Constant", {}, made), "value", std::move(tensor));
  }
  /// A node with one output.
  std::string node(std::string_view op, std::initializer_list<std::string_view> inputs) {
    const std::string made = name(op);
    last_ = &model::add_node(graph(), op, inputs, made);
    return made;
  }
  /// A value with its axes in this order.
  std::string turned(const std::string& value, std::initializer_list<std::int64_t> order) {
    const std::string made = node("Transpose", {value});
    model::set_ints(*last_, "perm", order);
    return made;
  }
  /// The graph so far, as ONNX.
  std::string serialised() const { return model::serialise_onnx(model_); }

  onnx::NodeProto* last_ = nullptr;  ///< the node that was added last

 private:
  std::mt19937& random_;
  onnx::ModelProto model_;
  int names_ = 0;
};

}  // namespace amas::differential
