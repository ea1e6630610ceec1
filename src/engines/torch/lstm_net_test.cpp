#include "engines/torch/lstm_net.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/json.h"
#include "engines/torch/plain_lstm.h"
#include "engines/torch/random.h"

namespace amas::engine::torch_lstm {
namespace {

struct Batch {
  std::vector<std::int32_t> tokens, targets;
};

/// Random rows, padded behind to different lengths; the first is padding alone.
Batch some_rows(const LstmSettings& s, std::size_t rows) {
  Random random(11, Stream::kShuffle, 0);
  Batch batch;
  for (std::size_t row = 0; row < rows; ++row) {
    const std::uint64_t words = row == 0 ? 0 : 1 + random.below(static_cast<std::uint64_t>(s.length));
    for (std::uint64_t t = 0; t < static_cast<std::uint64_t>(s.length); ++t)
      batch.tokens.push_back(t < words ? static_cast<std::int32_t>(
                                             1 + random.below(static_cast<std::uint64_t>(s.vocabulary - 1)))
                                       : 0);
    batch.targets.push_back(static_cast<std::int32_t>(
        random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(s.dense, 2)))));
  }
  return batch;
}

PlainWeights plain(LstmNet& net) {
  PlainWeights weights;
  for (const auto& p : net.parameters()) weights.emplace_back(p.weights.begin(), p.weights.end());
  return weights;
}

LstmSettings small(std::int64_t dense, bool mask) {
  LstmSettings s;
  s.vocabulary = 9;
  s.length = 6;
  s.embedding = 3;
  s.units = 4;
  s.dense = dense;
  s.mask = mask;
  return s;
}

class LstmNetSizes : public testing::TestWithParam<std::pair<std::int64_t, bool>> {};

TEST_P(LstmNetSizes, scores_rows_as_an_lstm_written_out_in_double_does) {
  const LstmSettings s = small(GetParam().first, GetParam().second);
  auto net = LstmNet::create(s, initial_weights(s)).value();
  const Batch batch = some_rows(s, 300);  // more than are scored at once
  const auto logits = net->logits(batch.tokens).value();
  ASSERT_EQ(logits.size(), 300u * static_cast<std::size_t>(s.dense));
  const PlainWeights weights = plain(*net);
  for (std::size_t row = 0; row < 300; ++row) {
    const auto expected = plain_logits(s, weights, std::span(batch.tokens).subspan(row * 6, 6));
    for (std::size_t d = 0; d < expected.size(); ++d)
      EXPECT_NEAR(logits[row * expected.size() + d], expected[d], 1e-6)
          << "row " << row;  // float32, six steps
  }
}

TEST_P(LstmNetSizes, gradients_are_those_of_finite_differences) {
  const LstmSettings s = small(GetParam().first, GetParam().second);
  auto net = LstmNet::create(s, initial_weights(s)).value();
  const Batch batch = some_rows(s, 7);
  const PlainWeights before = plain(*net);
  const auto report = net->step(batch.tokens, batch.targets, 0).value();
  EXPECT_NEAR(report.loss, plain_loss(s, before, batch.tokens, batch.targets), 1e-6);

  constexpr double kStep = 1e-5;  // central differences in double: right to about 1e-9
  double squares = 0;
  const auto parameters = net->parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p)
    for (std::size_t i = 0; i < before[p].size(); ++i) {
      PlainWeights moved = before;
      moved[p][i] += kStep;
      const double above = plain_loss(s, moved, batch.tokens, batch.targets);
      moved[p][i] -= 2 * kStep;
      const double below = plain_loss(s, moved, batch.tokens, batch.targets);
      const double expected = (above - below) / (2 * kStep);
      EXPECT_NEAR(parameters[p].gradients[i], expected, 1e-6) << parameters[p].name << " " << i;
      squares += expected * expected;
    }
  EXPECT_NEAR(report.gradient_norm, std::sqrt(squares), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Heads, LstmNetSizes,
                         testing::Values(std::pair{1, false}, std::pair{1, true}, std::pair{3, false},
                                         std::pair{3, true}));

TEST(LstmNet, takes_the_same_steps_as_keras) {
  // Made by tests/oracles/train_keras_steps.py; both sides compute in float32, whose rounding
  // sixty steps drive apart.
  const Json oracle =
      parse_json(read_file(fs::path(AMAS_TEST_DATA_DIR) / "keras_steps.json").value()).value();
  for (const Json& expected : oracle["cases"]) {
    LstmSettings s = small(expected["classes"] == 2 ? 1 : 3, expected["mask"].get<bool>());
    SCOPED_TRACE(dump_json(expected["classes"]) + " classes, mask " + dump_json(expected["mask"]));
    s.vocabulary = oracle["sizes"]["vocabulary"].get<std::int64_t>();
    s.length = oracle["sizes"]["length"].get<std::int64_t>();
    s.learning_rate = oracle["sizes"]["rate"].get<double>();
    s.token_moments = expected["token_moments"].get<bool>();
    auto weights = initial_weights(s);
    for (std::size_t p = 0; p < weights.size(); ++p) {
      const auto before = expected["before"][p].get<std::vector<float>>();
      std::copy(before.begin(), before.end(), weights[p].tensor.data<float>().begin());
    }
    auto net = LstmNet::create(s, weights).value();
    for (std::size_t step = 0; step < expected["losses"].size(); ++step) {
      const auto tokens = expected["tokens"][step].get<std::vector<std::int32_t>>();
      const auto targets = expected["targets"][step].get<std::vector<std::int32_t>>();
      EXPECT_NEAR(net->step(tokens, targets, step).value().loss, expected["losses"][step].get<double>(),
                  expected["losses"].size() > 6 ? 1e-4 : 2e-6);
    }
    const auto parameters = net->parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p)
      for (std::size_t i = 0; i < parameters[p].weights.size(); ++i)
        EXPECT_NEAR(parameters[p].weights[i], expected["after"][p][i].get<double>(),
                    expected["losses"].size() > 6 ? 2e-4 : 2e-5)
            << parameters[p].name;
  }
}

TEST(LstmNet, does_a_large_step_in_parts_with_the_gradients_of_the_whole) {
  LstmSettings s = small(1, false);
  s.length = 6'000;
  s.units = 8;  // 48,000 a row: ten rows at once
  auto whole = LstmNet::create(s, initial_weights(s)).value();
  const Batch batch = some_rows(s, 23);
  const auto report = whole->step(batch.tokens, batch.targets, 0).value();
  double loss = 0;
  std::vector<std::vector<double>> sums(kParameters);
  for (std::size_t row = 0; row < 23; ++row) {
    auto single = LstmNet::create(s, initial_weights(s)).value();
    loss += single
                ->step(std::span(batch.tokens).subspan(row * 6'000, 6'000),
                       std::span(batch.targets).subspan(row, 1), 0)
                .value()
                .loss;
    const auto parameters = single->parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      sums[p].resize(parameters[p].gradients.size());
      for (std::size_t i = 0; i < sums[p].size(); ++i)
        sums[p][i] += static_cast<double>(parameters[p].gradients[i]) / 23;
    }
  }
  EXPECT_NEAR(report.loss, loss / 23, 1e-6);
  const auto parameters = whole->parameters();
  for (std::size_t p = 0; p < parameters.size(); ++p)
    for (std::size_t i = 0; i < sums[p].size(); ++i)
      EXPECT_NEAR(parameters[p].gradients[i], sums[p][i], 1e-5) << parameters[p].name << " " << i;
}

TEST(LstmNet, takes_the_steps_of_adam_in_the_form_before_section_2_1_of_kingma_and_ba) {
  LstmSettings s = small(1, false);
  s.learning_rate = 0.01;
  s.token_moments = false;
  auto net = LstmNet::create(s, initial_weights(s)).value();
  PlainWeights weights = plain(*net), first(kParameters), second(kParameters);
  for (int step = 1; step <= 5; ++step) {
    Batch batch = some_rows(s, static_cast<std::size_t>(step) + 2);
    ASSERT_TRUE(net->step(batch.tokens, batch.targets, static_cast<std::uint64_t>(step)));
    const auto parameters = net->parameters();
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      first[p].resize(weights[p].size());
      second[p].resize(weights[p].size());
      for (std::size_t i = 0; i < weights[p].size(); ++i) {
        const double g = parameters[p].gradients[i];
        first[p][i] = 0.9 * first[p][i] + 0.1 * g;
        second[p][i] = 0.999 * second[p][i] + 0.001 * g * g;
        weights[p][i] -= s.learning_rate * std::sqrt(1 - std::pow(0.999, step)) / (1 - std::pow(0.9, step)) *
                         first[p][i] / (std::sqrt(second[p][i]) + 1e-7);
        // float32 against double; where a gradient is as small as epsilon the quotient is least exact.
        EXPECT_NEAR(parameters[p].weights[i], weights[p][i], 2e-5) << parameters[p].name << " " << i;
      }
    }
  }
}

TEST(LstmNet, scores_with_the_average_that_shamir_and_zhang_state) {
  LstmSettings s = small(1, false);
  s.average = true;
  s.learning_rate = 0.05;
  auto net = LstmNet::create(s, initial_weights(s)).value();
  const Batch batch = some_rows(s, 5);
  PlainWeights average = plain(*net);
  for (std::uint64_t step = 0; step < 5 * kAverageSteps + 3; ++step) {
    ASSERT_TRUE(net->step(batch.tokens, batch.targets, step));
    if ((step + 1) % kAverageSteps != 0) continue;
    const auto update = static_cast<double>((step + 1) / kAverageSteps);
    const PlainWeights now = plain(*net);
    for (std::size_t p = 0; p < now.size(); ++p)
      for (std::size_t i = 0; i < now[p].size(); ++i)
        average[p][i] += 9 / (update + 9) * (now[p][i] - average[p][i]);
  }
  const auto logits = net->logits(batch.tokens).value();
  for (std::size_t row = 0; row < 5; ++row)
    EXPECT_NEAR(logits[row], plain_logits(s, average, std::span(batch.tokens).subspan(row * 6, 6))[0], 1e-5);
}

TEST(LstmNet, clips_the_norm_over_all_gradients_and_reports_it_unclipped) {
  LstmSettings s = small(1, false);
  auto free = LstmNet::create(s, initial_weights(s)).value();
  s.clip_norm = 0.01;
  auto bound = LstmNet::create(s, initial_weights(s)).value();
  const Batch batch = some_rows(s, 5);
  const auto norm = free->step(batch.tokens, batch.targets, 0).value().gradient_norm;
  EXPECT_GT(norm, 0.01);
  EXPECT_EQ(bound->step(batch.tokens, batch.targets, 0).value().gradient_norm, norm);
  double squares = 0;
  for (const auto& p : bound->parameters())
    for (const float g : p.gradients) squares += static_cast<double>(g) * static_cast<double>(g);
  EXPECT_NEAR(std::sqrt(squares), 0.01, 1e-7);
}

TEST(LstmNet, drops_differently_at_each_step_but_the_same_at_the_same_step) {
  for (const bool embedded : {true, false}) {
    LstmSettings s = small(1, false);
    (embedded ? s.dropout : s.dense_dropout) = 0.5;
    const Batch batch = some_rows(s, 20);
    const auto loss_at = [&](std::uint64_t step) {
      auto net = LstmNet::create(s, initial_weights(s)).value();
      return net->step(batch.tokens, batch.targets, step).value().loss;
    };
    EXPECT_EQ(loss_at(3), loss_at(3));
    EXPECT_NE(loss_at(3), loss_at(4));
  }
}

TEST(LstmNet, gradients_under_dropout_are_those_of_the_loss_under_the_same_dropout) {
  LstmSettings s = small(1, false);
  s.dropout = s.dense_dropout = 0.4;
  const Batch batch = some_rows(s, 9);
  const auto loss_with = [&](Parameter which, std::size_t i, float shift) {
    auto net = LstmNet::create(s, initial_weights(s)).value();
    net->parameters()[which].weights[i] += shift;
    return net->step(batch.tokens, batch.targets, 3).value().loss;
  };
  auto net = LstmNet::create(s, initial_weights(s)).value();
  ASSERT_TRUE(net->step(batch.tokens, batch.targets, 3));
  constexpr float kShift = 0.02F;  // float32: a loss is right to 1e-7, its difference quotient to 1e-5
  for (const Parameter which : {kTable, kDenseKernel}) {
    const auto gradients = net->parameters()[which].gradients;
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const double quotient = (loss_with(which, i, kShift) - loss_with(which, i, -kShift)) / (2.0 * kShift);
      EXPECT_NEAR(gradients[i], quotient, 5e-5) << i;
    }
  }
}

TEST(LstmNet, leaves_its_weights_alone_when_the_loss_is_not_finite) {
  const LstmSettings s = small(1, false);
  auto net = LstmNet::create(s, initial_weights(s)).value();
  net->parameters()[kDenseBias].weights[0] = std::numeric_limits<float>::infinity();
  const PlainWeights before = plain(*net);
  const Batch batch = some_rows(s, 4);
  EXPECT_FALSE(
      std::isfinite(net->step(batch.tokens, {std::vector<std::int32_t>{0, 0, 0, 0}}, 0).value().loss));
  EXPECT_EQ(plain(*net), before);
}

}  // namespace
}  // namespace amas::engine::torch_lstm
