#include "train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/json.h"

namespace amas::train {
namespace {

// Ours is a sum in another order than the oracle's, in double precision: far below this.
constexpr double kTolerance = 1e-9;

void expect_equal(double actual, const Json& expected) {
  if (expected.is_null()) EXPECT_TRUE(std::isnan(actual)) << actual;
  else EXPECT_NEAR(actual, expected.get<double>(), kTolerance);
}

TEST(Metrics, and_their_intervals_are_those_of_scikit_learn_and_of_brute_force) {
  const Json cases = Json::parse(*read_file(AMAS_TEST_DATA_DIR "/metrics.json"));
  EXPECT_EQ(cases.size(), 14u);
  for (const Json& test : cases) {
    const auto scores = test["scores"].get<std::vector<float>>();
    const auto truth = test["truth"].get<std::vector<std::int32_t>>();
    const std::int32_t classes = test["classes"];
    const auto evaluation = evaluate(scores, truth, classes);
    ASSERT_TRUE(evaluation.has_value()) << evaluation.error().message;
    EXPECT_EQ(evaluation->metrics.size(), test["metrics"].size());
    for (const auto& [name, expected] : test["metrics"].items()) {
      SCOPED_TRACE(test["name"].get<std::string>() + " " + name);
      const Interval& actual = evaluation->metrics.at(name);
      expect_equal(actual.value, expected[0]);
      expect_equal(actual.low, expected[1]);
      expect_equal(actual.high, expected[2]);
      if (name == "baseline_accuracy") continue;
      const auto alone = metric_value(name, scores, truth, classes);
      ASSERT_TRUE(alone.has_value());
      expect_equal(*alone, expected[0]);
    }
  }
}

TEST(Metrics, count_classes_and_confusion) {
  // Truth 0 0 1 1 2, predicted 0 1 1 1 0.
  const std::vector<float> scores{.8F, .1F, .1F, .2F, .7F, .1F, .1F, .8F, .1F, .2F, .6F, .2F, .5F, .3F, .2F};
  const auto evaluation = evaluate(scores, std::vector<std::int32_t>{0, 0, 1, 1, 2}, 3);
  ASSERT_TRUE(evaluation.has_value());
  EXPECT_EQ(evaluation->rows, 5u);
  EXPECT_EQ(evaluation->confusion,
            (std::vector<std::vector<std::uint64_t>>{{1, 1, 0}, {0, 2, 0}, {1, 0, 0}}));
  EXPECT_DOUBLE_EQ(evaluation->classes[1].precision, 2.0 / 3);
  EXPECT_DOUBLE_EQ(evaluation->classes[1].recall, 1);
  EXPECT_DOUBLE_EQ(evaluation->classes[1].f1, 0.8);
  EXPECT_EQ(evaluation->classes[2].support, 1u);
  EXPECT_EQ(evaluation->classes[2].f1, 0);
  EXPECT_DOUBLE_EQ(evaluation->metrics.at("baseline_accuracy").value, 0.4);
}

TEST(Metrics, predict_the_first_of_equal_scores) {
  const std::vector<float> scores{.5F, .5F};
  EXPECT_EQ(*metric_value("accuracy", scores, std::vector<std::int32_t>{0}, 2), 1);
}

TEST(Metrics, of_the_same_predictions_are_the_same_each_time) {
  std::vector<float> scores;
  std::vector<std::int32_t> truth;
  for (int i = 0; i < 200; ++i) {
    const float p = static_cast<float>(i * 37 % 100) / 100;
    scores.insert(scores.end(), {1 - p, p});
    truth.push_back(i * 53 % 100 < 40);
  }
  const auto a = evaluate(scores, truth, 2), b = evaluate(scores, truth, 2);
  for (const auto& [name, interval] : a->metrics) {
    EXPECT_EQ(interval.low, b->metrics.at(name).low);
    EXPECT_EQ(interval.high, b->metrics.at(name).high);
    EXPECT_LE(interval.low, interval.high);
  }
}

TEST(Metrics, are_named) {
  EXPECT_EQ(metric_names().size(), 8u);
  for (const std::string& name : metric_names()) EXPECT_EQ(lower_is_better(name), name == "log_loss");
  const auto value = metric_value("acuracy", std::vector<float>{0, 1}, std::vector<std::int32_t>{1}, 2);
  ASSERT_FALSE(value.has_value());
  EXPECT_EQ(value.error().code, Code::kInvalidArgument);
  EXPECT_NE(value.error().message.find("did you mean \"accuracy\"?"), std::string::npos);
}

TEST(Metrics, refuse_what_they_cannot_measure) {
  using Scores = std::vector<float>;
  using Truth = std::vector<std::int32_t>;
  const auto code = [](const Scores& scores, const Truth& truth, std::int32_t classes) {
    const auto evaluation = evaluate(scores, truth, classes);
    const auto value = metric_value("f1", scores, truth, classes);
    EXPECT_FALSE(value.has_value());
    return evaluation ? Code::kUnknown : evaluation.error().code;
  };
  EXPECT_EQ(code({}, {}, 2), Code::kInvalidArgument);
  EXPECT_EQ(code({1}, {0}, 1), Code::kInvalidArgument);
  EXPECT_EQ(code({0, 1, 1}, {0}, 2), Code::kInvalidArgument);
  EXPECT_EQ(code({0, 1}, {2}, 2), Code::kInvalidArgument);
  EXPECT_EQ(code({0, 1}, {-1}, 2), Code::kInvalidArgument);
  EXPECT_EQ(code({0, std::numeric_limits<float>::quiet_NaN()}, {1}, 2), Code::kInvalidArgument);
  EXPECT_EQ(code({0, std::numeric_limits<float>::infinity()}, {1}, 2), Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::train
