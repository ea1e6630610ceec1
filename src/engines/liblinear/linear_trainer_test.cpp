#include "engines/liblinear/linear_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engines/liblinear/linear_problem.h"
#include "model/onnx.h"

namespace amas::engine {
namespace {

constexpr std::int64_t kFeatures = 30;

/// Sparse rows; the class depends on the first feature of nine rows in ten.
Examples sparse_task(std::size_t rows, unsigned seed, std::int32_t classes) {
  std::mt19937 random(seed);
  Examples examples;
  std::vector<std::int32_t> indices;
  std::vector<float> values;
  std::vector<std::int64_t> starts = {0};
  for (std::size_t row = 0; row < rows; ++row) {
    const auto target = static_cast<std::int32_t>(random() % static_cast<unsigned>(classes));
    const std::size_t filled = 2 + random() % 4;
    for (std::size_t i = 0; i < filled; ++i) {
      const bool telling = i == 0 && random() % 10 > 0;
      indices.push_back(telling ? 1 + target : 1 + classes + static_cast<std::int32_t>(random() % 20));
      values.push_back(0.2F + static_cast<float>(random() % 100) / 100.0F);
    }
    starts.push_back(static_cast<std::int64_t>(indices.size()));
    examples.targets.push_back(target);
  }
  const auto count = static_cast<std::int64_t>(indices.size());
  examples.inputs.push_back(Tensor::of<std::int32_t>({count}, indices));
  examples.inputs.push_back(Tensor::of<float>({count}, values));
  examples.inputs.push_back(Tensor::of<std::int64_t>({static_cast<std::int64_t>(rows) + 1}, starts));
  return examples;
}

/// Calls `use` with index and value of each entry of a row.
template <class Use>
void for_row(const Examples& examples, std::size_t row, const Use& use) {
  const auto starts = examples.inputs[2].data<std::int64_t>();
  for (auto i = static_cast<std::size_t>(starts[row]); i < static_cast<std::size_t>(starts[row + 1]); ++i)
    use(static_cast<std::size_t>(examples.inputs[0].data<std::int32_t>()[i]),
        static_cast<double>(examples.inputs[1].data<float>()[i]));
}

class Listener final : public TrainObserver {
 public:
  void on_batch(const BatchReport&) override {}
  Result<double> on_epoch(const EpochReport& report) override {
    losses.push_back(report.loss);
    validation_losses.push_back(report.validation_loss);
    scores.assign(report.scores.begin(), report.scores.end());
    if (report.epoch == dies_at) return Error{Code::kCancelled, "killed"};
    return script.empty() ? -report.validation_loss : script[static_cast<std::size_t>(report.epoch - 1)];
  }
  std::string state() override { return ""; }
  Status restore(std::string_view) override { return {}; }
  int dies_at = 0;
  std::vector<double> script, losses, validation_losses;
  std::vector<float> scores;
};

TrainJob job_of(const Examples& training, const Examples& validation, std::int32_t classes) {
  TrainJob job;
  job.candidate = {{"type", "linear"}, {"features", kFeatures}};
  job.train = Json::object();
  job.training = &training;
  job.validation = &validation;
  job.classes = classes;
  return job;
}

TEST(SparseRows, fit_ends_where_the_gradient_of_the_stated_objective_vanishes) {
  const Examples examples = sparse_task(200, 1, 2);
  linear::SparseRows rows(examples, kFeatures);
  linear::Margin margin{std::vector<double>(kFeatures), 0};
  constexpr double kCost = 3;
  ASSERT_TRUE(rows.fit(examples.targets, 1, kCost, margin));
  // d/dw_j = w_j - cost · Σ y x_j (1 - σ(y z)); at zero weights its norm is the yardstick of the stopping
  // rule.
  const auto gradient_norm = [&](const linear::Margin& at) {
    std::vector<double> gradient = at.weights;
    gradient.push_back(at.bias);
    const auto z = rows.margins(at);
    for (std::size_t row = 0; row < examples.rows(); ++row) {
      const double y = examples.targets[row] == 1 ? 1 : -1;
      const double pull = kCost * y / (1 + std::exp(y * z[row]));
      for_row(examples, row, [&](std::size_t index, double value) { gradient[index] -= pull * value; });
      gradient.back() -= pull;
    }
    double squares = 0;
    for (const double g : gradient) squares += g * g;
    return std::sqrt(squares);
  };
  EXPECT_EQ(margin.weights[0], 0);
  EXPECT_LT(gradient_norm(margin), 1e-3 * gradient_norm({std::vector<double>(kFeatures), 0}));
}

TEST(LinearTrainer, tries_each_cost_and_keeps_the_one_with_the_best_metric) {
  const Examples training = sparse_task(300, 1, 2), validation = sparse_task(100, 2, 2);
  const TrainJob job = job_of(training, validation, 2);
  Listener listener;
  listener.script = {0.5, 0.9, 0.9, 0.2, 0.1};
  const auto outcome = LinearTrainer().train(job, listener).value();
  ASSERT_EQ(listener.losses.size(), 5u);
  for (std::size_t i = 1; i < 5; ++i)
    EXPECT_LE(listener.losses[i], listener.losses[i - 1]) << "larger costs fit closer";
  const bool second_is_better = listener.validation_losses[1] <= listener.validation_losses[2];
  EXPECT_EQ(outcome.details["c"], second_is_better ? 4 : 16);
  EXPECT_EQ(outcome.epochs, 5);
}

TEST(LinearTrainer, takes_one_cost_as_a_number) {
  const Examples training = sparse_task(300, 1, 2), validation = sparse_task(100, 2, 2);
  TrainJob job = job_of(training, validation, 2);
  job.candidate["c"] = 2.5;
  Listener listener;
  const auto outcome = LinearTrainer().train(job, listener).value();
  EXPECT_EQ(outcome.epochs, 1);
  EXPECT_EQ(outcome.details["c"], 2.5);
}

TEST(LinearTrainer, trained_with_the_chosen_cost_tries_no_other) {
  const Examples training = sparse_task(300, 1, 2), validation = sparse_task(100, 2, 2);
  TrainJob job = job_of(training, validation, 2);
  Listener chooses, chosen;
  chooses.script = {0.5, 0.6, 0.7, 0.2, 0.1};
  const auto first = LinearTrainer().train(job, chooses).value();
  EXPECT_EQ(first.chosen, (Json{{"candidate", {{"c", 16.0}}}}));
  job.candidate.update(first.chosen["candidate"]);
  const auto again = LinearTrainer().train(job, chosen).value();
  EXPECT_EQ(again.epochs, 1);
  EXPECT_EQ(again.details["c"], 16);
}

TEST(LinearTrainer, scores_rows_as_the_weights_in_its_graph_say) {
  for (const std::int32_t classes : {2, 3}) {
    const Examples training = sparse_task(300, 1, classes), validation = sparse_task(100, 2, classes);
    Listener listener;
    const auto outcome = LinearTrainer().train(job_of(training, validation, classes), listener).value();
    const auto graph = model::parse_onnx(outcome.onnx).value().graph();
    const std::size_t columns = classes == 2 ? 1 : 3;
    std::vector<float> weights, bias;
    for (const auto& tensor : graph.initializer()) {
      const auto* data = reinterpret_cast<const float*>(tensor.raw_data().data());
      const std::size_t count = tensor.raw_data().size() / sizeof(float);
      if (tensor.data_type() == 1 && count == kFeatures * columns) weights.assign(data, data + count);
      else if (tensor.data_type() == 1 && tensor.dims_size() == 1) bias.assign(data, data + count);
    }
    ASSERT_EQ(weights.size(), kFeatures * columns);
    ASSERT_EQ(bias.size(), static_cast<std::size_t>(classes));  // two classes stand as [0, z]
    ASSERT_EQ(outcome.validation_scores.size(), 100u * static_cast<std::size_t>(classes));
    std::size_t right = 0;
    for (std::size_t row = 0; row < 100; ++row) {
      std::vector<double> z(columns);
      for_row(validation, row, [&](std::size_t index, double value) {
        for (std::size_t c = 0; c < columns; ++c)
          z[c] += value * static_cast<double>(weights[index * columns + c]);
      });
      if (columns == 1) z.insert(z.begin(), 0);
      for (std::size_t c = 0; c < z.size(); ++c) z[c] += static_cast<double>(bias[c]);
      double sum = 0;
      for (const double value : z) sum += std::exp(value);
      for (std::size_t c = 0; c < z.size(); ++c)
        EXPECT_NEAR(outcome.validation_scores[row * z.size() + c], std::exp(z[c]) / sum, 1e-6);
      const auto best = std::max_element(z.begin(), z.end()) - z.begin();
      right += best == validation.targets[row];
    }
    EXPECT_GE(right, 80u) << "nine rows in ten carry the telling feature";
  }
}

TEST(LinearTrainer, gives_the_same_bits_twice_and_after_being_killed) {
  const Examples training = sparse_task(300, 1, 3), validation = sparse_task(100, 2, 3);
  const TrainJob job = job_of(training, validation, 3);
  Listener first, killed, again;
  const auto expected = LinearTrainer().train(job, first).value();
  killed.dies_at = 3;
  EXPECT_EQ(LinearTrainer().train(job, killed).error().code, Code::kCancelled);
  const auto outcome = LinearTrainer().train(job, again).value();
  EXPECT_EQ(outcome.onnx, expected.onnx);
  EXPECT_EQ(outcome.validation_scores, expected.validation_scores);
  EXPECT_EQ(outcome.details, expected.details);
}

TEST(LinearTrainer, refuses_what_it_cannot_train_on) {
  Examples training = sparse_task(30, 1, 2);
  const Examples validation = sparse_task(10, 2, 2);
  TrainJob job = job_of(training, validation, 2);
  Listener listener;
  const auto code_of = [&](const TrainJob& asked) {
    return LinearTrainer().train(asked, listener).error().code;
  };

  TrainJob few = job;
  few.candidate["features"] = 4;
  EXPECT_EQ(code_of(few), Code::kInvalidArgument);
  for (const Json& costs : {Json::array(), Json({4, 1}), Json({0}), Json("1")}) {
    TrainJob changed = job;
    changed.candidate["c"] = costs;
    EXPECT_EQ(code_of(changed), Code::kInvalidArgument) << costs;
  }
  TrainJob more = job;
  more.classes = 3;
  EXPECT_EQ(code_of(more), Code::kFailedPrecondition);
  const Examples none;
  TrainJob empty = job;
  empty.validation = &none;
  EXPECT_EQ(code_of(empty), Code::kFailedPrecondition);
  training.inputs.pop_back();
  EXPECT_EQ(code_of(job), Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::engine
