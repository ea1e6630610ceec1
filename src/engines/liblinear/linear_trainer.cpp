#include "engines/liblinear/linear_trainer.h"

#include <fmt/format.h>
#include <linear.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/clock.h"
#include "engine/best_epoch.h"
#include "engines/liblinear/linear_problem.h"
#include "model/onnx.h"

namespace amas::engine {
namespace {

using linear::Margin;
using linear::SparseRows;

const std::vector<double> kCosts = {1, 4, 16, 64, 256};

struct Settings {
  std::int64_t features = 0;
  std::vector<double> costs;
  std::size_t columns = 1;  ///< margins: 1 for two classes, else one a class
};

bool are_sparse_rows(const Examples& examples) {
  const auto& inputs = examples.inputs;
  if (inputs.size() != 3 || inputs[0].dtype() != DType::kInt32 || inputs[1].dtype() != DType::kFloat32 ||
      inputs[2].dtype() != DType::kInt64 || inputs[1].size() != inputs[0].size() ||
      inputs[2].size() != examples.rows() + 1)
    return false;
  const auto starts = inputs[2].data<std::int64_t>();
  return starts.front() == 0 && starts.back() == static_cast<std::int64_t>(inputs[0].size()) &&
         std::is_sorted(starts.begin(), starts.end());
}

Status check_part(std::string_view part, const Examples& examples, std::int32_t classes) {
  if (examples.rows() == 0)
    return failed_precondition(fmt::format("no rows to train with: the {} part is empty", part));
  if (!are_sparse_rows(examples))
    return invalid_argument(fmt::format(
        "{} inputs are no sparse rows (indices, values, starts); prepare the text with tfidf", part));
  const auto [low, high] = std::minmax_element(examples.targets.begin(), examples.targets.end());
  if (*low < 0 || *high >= classes)
    return invalid_argument(fmt::format("{} targets are no classes: {} to {}; classes are 0 to {}", part,
                                        *low, *high, classes - 1));
  return {};
}

std::int32_t largest_index(const Examples& examples) {
  const auto indices = examples.inputs[0].data<std::int32_t>();
  return indices.empty() ? 0 : *std::max_element(indices.begin(), indices.end());
}

Status check_indices(const Examples& examples, std::int64_t features) {
  for (const std::int32_t index : examples.inputs[0].data<std::int32_t>())
    if (index < 1 || index >= features)
      return invalid_argument(
          fmt::format("feature index is out of range: {}; features are 1 to {}", index, features - 1));
  return {};
}

Result<std::vector<double>> read_costs(const Json& candidate) {
  const Json given = candidate.value("c", Json());
  if (given.is_null()) return kCosts;
  AMAS_TRY(auto costs, json_array<double>({{"c", given.is_number() ? Json::array({given}) : given}}, "c"));
  const bool positive =
      std::all_of(costs.begin(), costs.end(), [](double c) { return c >= 1e-6 && c <= 1e9; });
  if (costs.empty() || !positive || !std::is_sorted(costs.begin(), costs.end()))
    return invalid_argument(fmt::format(
        "setting is out of range: c is {}; give ascending costs of 1e-6 to 1e9", dump_json(given)));
  return costs;
}

Result<Settings> read_settings(const TrainJob& job) {
  if (job.classes < 2)
    return failed_precondition(
        fmt::format("too few classes to learn from: {}; at least 2 are needed", job.classes));
  AMAS_CHECK(check_part("training", *job.training, job.classes));
  AMAS_CHECK(check_part("validation", *job.validation, job.classes));
  for (std::int32_t c = 0; c < job.classes; ++c)
    if (std::find(job.training->targets.begin(), job.training->targets.end(), c) ==
        job.training->targets.end())
      return failed_precondition(
          fmt::format("training rows lack a class: {} of {}; add rows of it", c, job.classes));
  Settings settings;
  settings.columns = job.classes == 2 ? 1 : static_cast<std::size_t>(job.classes);
  AMAS_TRY(settings.costs, read_costs(job.candidate));
  AMAS_TRY(settings.features,
           json_field_or<std::int64_t>(job.candidate, "features", largest_index(*job.training) + 1));
  if (settings.features < 2 || settings.features > std::numeric_limits<int>::max() - 1)
    return invalid_argument(fmt::format("setting is out of range: features is {}; give 2 to {}",
                                        settings.features, std::numeric_limits<int>::max() - 1));
  AMAS_CHECK(check_indices(*job.training, settings.features));
  AMAS_CHECK(check_indices(*job.validation, settings.features));
  return settings;
}

/// Margins of some rows, one column a class (or the one of class 1), as probabilities [rows, classes].
std::vector<double> probabilities(const std::vector<std::vector<double>>& columns) {
  std::vector<double> all;
  for (std::size_t row = 0; row < columns[0].size(); ++row) {
    if (columns.size() == 1) {
      const double positive = 1 / (1 + std::exp(-columns[0][row]));
      all.insert(all.end(), {1 / (1 + std::exp(columns[0][row])), positive});
      continue;
    }
    double largest = columns[0][row], sum = 0;
    for (const auto& column : columns) largest = std::max(largest, column[row]);
    for (const auto& column : columns) sum += std::exp(column[row] - largest);
    for (const auto& column : columns) all.push_back(std::exp(column[row] - largest) / sum);
  }
  return all;
}

double log_loss(std::span<const double> scores, std::span<const std::int32_t> targets) {
  const std::size_t classes = scores.size() / targets.size();
  double sum = 0;
  for (std::size_t row = 0; row < targets.size(); ++row)
    sum -= std::log(std::max(scores[row * classes + static_cast<std::size_t>(targets[row])],
                             std::numeric_limits<double>::min()));
  return sum / static_cast<double>(targets.size());
}

/// Weights as they go into the graph: [features, columns].
std::vector<float> interleaved(const std::vector<Margin>& margins, std::int64_t features) {
  std::vector<float> weights(static_cast<std::size_t>(features) * margins.size());
  for (std::size_t column = 0; column < margins.size(); ++column)
    for (std::size_t j = 0; j < static_cast<std::size_t>(features); ++j)
      weights[j * margins.size() + column] = static_cast<float>(margins[column].weights[j]);
  return weights;
}

class Run {
 public:
  Run(const TrainJob& job, Settings settings, TrainObserver& observer)
      : job_(job),
        settings_(std::move(settings)),
        observer_(observer),
        training_(*job.training, settings_.features),
        validation_(*job.validation, settings_.features),
        margins_(settings_.columns, {std::vector<double>(static_cast<std::size_t>(settings_.features)), 0}) {}

  Result<TrainOutcome> train();

 private:
  Status fit(double cost);
  Status report(int epoch, double seconds);
  Result<TrainOutcome> outcome() const;
  std::vector<double> scores_of(const SparseRows& rows, const std::vector<Margin>& margins) const;

  const TrainJob& job_;
  const Settings settings_;
  TrainObserver& observer_;
  SparseRows training_, validation_;
  std::vector<Margin> margins_, best_margins_;
  BestEpoch best_;
};

}  // namespace

std::string LinearTrainer::version() const {
  return fmt::format("liblinear {}.{:02}", ::liblinear_version / 100, ::liblinear_version % 100);
}

Result<TrainOutcome> LinearTrainer::train(const TrainJob& job, TrainObserver& observer) {
  AMAS_TRY(auto settings, read_settings(job));
  return Run(job, std::move(settings), observer).train();
}

namespace {

Result<TrainOutcome> Run::train() {
  for (std::size_t i = 0; i < settings_.costs.size(); ++i) {
    const std::int64_t began_us = system_clock().steady_us();
    AMAS_CHECK(fit(settings_.costs[i]));
    AMAS_CHECK(
        report(static_cast<int>(i) + 1, static_cast<double>(system_clock().steady_us() - began_us) * 1e-6));
  }
  return outcome();
}

Status Run::fit(double cost) {
  for (std::size_t column = 0; column < margins_.size(); ++column) {
    const auto positive = margins_.size() == 1 ? 1 : static_cast<std::int32_t>(column);
    AMAS_CHECK(training_.fit(job_.training->targets, positive, cost, margins_[column]));
  }
  return {};
}

Status Run::report(int epoch, double seconds) {
  const auto scores = scores_of(validation_, margins_);
  std::vector<float> shown;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (settings_.columns > 1 || i % 2 == 1) shown.push_back(static_cast<float>(scores[i]));
  const auto weights = interleaved(margins_, settings_.features);
  EpochReport report;
  report.epoch = epoch;
  report.epochs = static_cast<int>(settings_.costs.size());
  report.step = epoch;
  report.seconds = seconds;
  report.loss = log_loss(scores_of(training_, margins_), job_.training->targets);
  report.validation_loss = log_loss(scores, job_.validation->targets);
  report.scores = shown;
  report.parameters = {{"linear/weights", weights, {}}};
  AMAS_TRY(const double metric, observer_.on_epoch(report));
  if (best_.offer(epoch, metric, report.validation_loss)) best_margins_ = margins_;
  return {};
}

std::vector<double> Run::scores_of(const SparseRows& rows, const std::vector<Margin>& margins) const {
  std::vector<std::vector<double>> columns;
  for (const Margin& margin : margins) columns.push_back(rows.margins(margin));
  return probabilities(columns);
}

Result<TrainOutcome> Run::outcome() const {
  TrainOutcome outcome;
  for (const double score : scores_of(validation_, best_margins_))
    outcome.validation_scores.push_back(static_cast<float>(score));
  model::SparseLinear graph;
  graph.features = settings_.features;
  graph.dense = static_cast<std::int64_t>(settings_.columns);
  graph.weights = interleaved(best_margins_, settings_.features);
  for (const Margin& margin : best_margins_) graph.bias.push_back(static_cast<float>(margin.bias));
  outcome.onnx = model::export_sparse_linear(graph);
  if (outcome.onnx.empty())
    return resource_exhausted("model is too large for an ONNX file; lower features_max");
  outcome.best_epoch = best_.epoch;
  outcome.epochs = static_cast<int>(settings_.costs.size());
  const double cost = settings_.costs[static_cast<std::size_t>(best_.epoch - 1)];
  outcome.details = {{"c", cost}, {"validation_loss", best_.loss}};
  outcome.chosen = {{"candidate", {{"c", cost}}}};
  return outcome;
}

}  // namespace

}  // namespace amas::engine
