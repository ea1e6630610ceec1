#include "engines/liblinear/linear_problem.h"

#include <fmt/format.h>

#include <memory>

namespace amas::engine::linear {
namespace {

// LIBLINEAR's own for this solver is 0.01, which stops before all probabilities are right to three digits.
constexpr double kTolerance = 1e-3;

struct FreeModel {
  void operator()(::model* trained) const { ::free_and_destroy_model(&trained); }
};

}  // namespace

SparseRows::SparseRows(const Examples& examples, std::int64_t features) : features_(features) {
  const auto indices = examples.inputs[0].data<std::int32_t>();
  const auto values = examples.inputs[1].data<float>();
  const auto starts = examples.inputs[2].data<std::int64_t>();
  const int bias_index = static_cast<int>(features);
  nodes_.reserve(indices.size() + 2 * examples.rows());  // From here on nodes do not move.
  for (std::size_t row = 0; row < examples.rows(); ++row) {
    starts_.push_back(nodes_.data() + nodes_.size());
    for (auto i = static_cast<std::size_t>(starts[row]); i < static_cast<std::size_t>(starts[row + 1]); ++i)
      nodes_.push_back({indices[i], static_cast<double>(values[i])});
    nodes_.push_back({bias_index, 1});  // LIBLINEAR wants the intercept as a last feature that is always 1
    nodes_.push_back({-1, 0});
  }
}

Status SparseRows::fit(std::span<const std::int32_t> targets, std::int32_t positive, double cost,
                       Margin& margin) {
  // With labels 1 and -1 LIBLINEAR always makes 1 the positive side.
  std::vector<double> signs;
  for (const std::int32_t target : targets) signs.push_back(target == positive ? 1 : -1);
  // Index j stands at weight j - 1; the intercept behind them.
  std::vector<double> start(margin.weights.begin() + 1, margin.weights.end());
  start.push_back(margin.bias);
  const ::problem problem = {static_cast<int>(rows()), static_cast<int>(features_), signs.data(),
                             starts_.data(), 1};
  const ::parameter parameter = {L2R_LR, kTolerance, cost, 0, nullptr, nullptr, 0, start.data()};
  if (const char* refused = ::check_parameter(&problem, &parameter))
    return internal_error(fmt::format("LIBLINEAR refuses its parameters: {}", refused));
  ::set_print_string_function([](const char*) {});
  const std::unique_ptr<::model, FreeModel> trained(::train(&problem, &parameter));
  std::copy_n(trained->w, start.size() - 1, margin.weights.begin() + 1);
  margin.bias = trained->w[start.size() - 1];
  return {};
}

std::vector<double> SparseRows::margins(const Margin& margin) const {
  std::vector<double> all;
  all.reserve(rows());
  for (const feature_node* node : starts_) {
    double sum = 0;
    for (; node->index != -1; ++node)
      sum += node->value *
             (node->index == features_ ? margin.bias : margin.weights[static_cast<std::size_t>(node->index)]);
    all.push_back(sum);
  }
  return all;
}

}  // namespace amas::engine::linear
