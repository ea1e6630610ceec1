// Boosters as graphs, held against what the libraries answered (tests/oracles/forest_boosters.py).

#include "convert/booster.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "base/file.h"
#include "convert/testing.h"
#include "engines/forest/lightgbm.h"
#include "engines/forest/xgboost.h"

namespace amas::convert {
namespace {

const fs::path kFolder = fs::path(AMAS_SOURCE_DIR) / "src/engines/forest/testdata";

/// A .rows file.
struct Answers {
  std::vector<double> rows{}, margins{}, predicted{};
  std::int64_t count = 0, features = 0, targets = 0, predictions = 0;
};

Answers read_answers(const std::string& name) {
  std::istringstream file(read_file(kFolder / (name + ".rows")).value());
  Answers answers;
  file >> answers.features >> answers.targets >> answers.predictions;
  std::string line;
  std::getline(file, line);
  for (; std::getline(file, line); ++answers.count) {
    std::istringstream words(line);
    std::vector<std::vector<double>*> parts{&answers.rows, &answers.margins, &answers.predicted};
    std::size_t part = 0;
    for (std::string word; words >> word;)
      if (word == "|") ++part;
      else parts[part]->push_back(std::strtod(word.c_str(), nullptr));
  }
  return answers;
}

class Boosters : public testing::Test {
 protected:
  Result<engines::forest::Forest> forest(const std::string& file) const {
    const std::string bytes = read_file(kFolder / file).value();
    return file.starts_with("xgboost") ? engines::forest::read_xgboost(bytes)
                                       : engines::forest::read_lightgbm(bytes);
  }

  Result<std::vector<Tensor>> ask(const std::string& onnx, const std::string& engine, const Answers& answers,
                                  bool wide) {
    AMAS_TRY(const auto loaded, engines_->load(onnx, {.engine = engine}));
    const Shape shape{answers.count, answers.features};
    const Tensor rows =
        wide ? Tensor::of<double>(shape, answers.rows)
             : Tensor::of<float>(shape, std::vector<float>(answers.rows.begin(), answers.rows.end()));
    return loaded->run(std::vector<TensorView>{rows});
  }

  // Predictions of the graph against the library's; the class where that is what it predicts.
  void expect_predictions(const std::string& file, const std::string& engine) {
    SCOPED_TRACE(file + " on " + engine);
    const auto read = forest(file);
    ASSERT_TRUE(read) << read.error().message;
    const Answers answers = read_answers(file.substr(0, file.find('.')));
    const auto onnx = booster_graph(*read, Ending::kPredictions);
    ASSERT_TRUE(onnx) << onnx.error().message;
    const auto found = ask(*onnx, engine, answers, read->number == engines::forest::Number::kFloat64);
    ASSERT_TRUE(found) << found.error().message;
    const auto scores = found->back().data<float>();
    const bool classifier = is_classifier(*read);
    const bool two = classifier && answers.targets == 1;
    const bool index = read->link == engines::forest::Link::kArgmax;
    for (std::int64_t i = 0; i < std::ssize(answers.predicted); ++i) {
      const double wanted = answers.predicted[static_cast<std::size_t>(i)];
      const double got = index ? static_cast<double>(found->front().data<std::int64_t>()[i])
                               : static_cast<double>(scores[static_cast<std::size_t>(two ? 2 * i + 1 : i)]);
      EXPECT_NEAR(got, wanted, 2e-6 * std::max(1.0, std::abs(wanted))) << "prediction " << i;
    }
    for (std::int64_t row = 0; two && row < answers.count; ++row) {
      const double wanted = answers.predicted[static_cast<std::size_t>(row)];
      if (std::abs(wanted - 0.5) <= 1e-6) continue;
      EXPECT_EQ(found->front().data<std::int64_t>()[row], wanted > 0.5 ? 1 : 0) << "row " << row;
    }
  }

  std::unique_ptr<engine::EngineSet> engines_ = test_engines();
};

const std::vector<const char*> kFiles{
    "xgboost_regression.json", "xgboost_regression.ubj",     "xgboost_binary.json",
    "xgboost_raw.json",        "xgboost_hinge.json",         "xgboost_probabilities.json",
    "xgboost_class.json",      "xgboost_poisson.json",       "xgboost_gamma.json",
    "xgboost_rank.json",       "xgboost_dart.json",          "xgboost_forest.json",
    "xgboost_targets.json",    "xgboost_leaf_vectors.json",  "xgboost_categories.json",
    "lightgbm_regression.txt", "lightgbm_zero_missing.txt",  "lightgbm_no_missing.txt",
    "lightgbm_binary.txt",     "lightgbm_classes.txt",       "lightgbm_one_against_all.txt",
    "lightgbm_dart.txt",       "lightgbm_forest.txt",        "lightgbm_square_root.txt",
    "lightgbm_poisson.txt",    "lightgbm_cross_entropy.txt", "lightgbm_intensity.txt",
    "lightgbm_constant.txt",   "lightgbm_categories.txt"};

TEST_F(Boosters, predict_as_their_library_does_on_onnx_runtime) {
  for (const char* file : kFiles) expect_predictions(file, "");
}

TEST_F(Boosters, that_are_one_operator_are_taken_by_the_forest_engine) {
  for (const char* file :
       {"xgboost_regression.json", "xgboost_binary.json", "xgboost_probabilities.json", "xgboost_class.json",
        "xgboost_rank.json", "xgboost_raw.json", "xgboost_dart.json", "xgboost_targets.json",
        "lightgbm_regression.txt", "lightgbm_classes.txt", "lightgbm_constant.txt"})
    expect_predictions(file, "forest");
}

// ai.onnx.ml 3 gives floats, so that a margin of doubles is rounded once.
TEST_F(Boosters, have_the_librarys_margins_to_the_bit_on_the_forest_engine) {
  for (const std::string file :
       {"xgboost_regression.json", "xgboost_binary.json", "xgboost_probabilities.json", "xgboost_dart.json",
        "xgboost_leaf_vectors.json", "xgboost_poisson.json", "xgboost_hinge.json", "lightgbm_regression.txt",
        "lightgbm_binary.txt", "lightgbm_classes.txt", "lightgbm_poisson.txt"}) {
    SCOPED_TRACE(file);
    const auto read = forest(file);
    ASSERT_TRUE(read);
    const Answers answers = read_answers(file.substr(0, file.find('.')));
    const auto onnx = booster_graph(*read, Ending::kMargins);
    ASSERT_TRUE(onnx) << onnx.error().message;
    const auto found = ask(*onnx, "forest", answers, read->number == engines::forest::Number::kFloat64);
    ASSERT_TRUE(found) << found.error().message;
    const auto margins = found->back().data<float>();
    for (std::size_t i = 0; i < answers.margins.size(); ++i)
      EXPECT_EQ(std::bit_cast<std::uint32_t>(margins[i]),
                std::bit_cast<std::uint32_t>(static_cast<float>(answers.margins[i])))
          << i;
  }
}

TEST_F(Boosters, are_read_with_names_labels_and_rows_to_prove_them) {
  const auto binary = read_xgboost_model(read_file(kFolder / "xgboost_binary.json").value());
  ASSERT_TRUE(binary) << binary.error().message;
  EXPECT_EQ(binary->labels, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(binary->facts.at("objective"), "binary:logistic");
  EXPECT_EQ(binary->own.output, "scores");
  EXPECT_EQ(binary->own.inputs.at(0).shape(), (Shape{64, 5}));
  const auto numbers = read_lightgbm_model(read_file(kFolder / "lightgbm_regression.txt").value());
  ASSERT_TRUE(numbers) << numbers.error().message;
  EXPECT_EQ(numbers->task, "regression");
  EXPECT_EQ(numbers->facts.at("feature_names").size(), 5u);
  EXPECT_EQ(read_lightgbm_model(read_file(kFolder / "lightgbm_linear.txt").value()).error().code,
            Code::kUnimplemented);
}

TEST_F(Boosters, whose_weights_are_all_positive_are_no_probabilities) {
  using namespace engines::forest;
  Forest forest;
  forest.features = 1;
  forest.link = Link::kLogistic;
  forest.objective = "binary:logistic";
  forest.nodes = {{.test = Condition::kLess, .threshold = 0, .yes = 1, .no = 2},
                  {.yes = 0, .no = 1},
                  {.yes = 1, .no = 2}};
  forest.votes = {{0, 0.25}, {0, 0.75}};
  forest.roots = {0};
  const auto onnx = booster_graph(forest, Ending::kPredictions);
  ASSERT_TRUE(onnx) << onnx.error().message;
  Answers answers{.rows = {-1, 1}, .count = 2, .features = 1};
  for (const char* engine : {"", "forest"}) {
    const auto found = ask(*onnx, engine, answers, false);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->front().data<std::int64_t>()[0], 1);
    EXPECT_NEAR(found->back().data<float>()[1], 1 / (1 + std::exp(-0.25)), 1e-6);
  }
}

TEST_F(Boosters, of_columns_that_are_two_things_are_refused) {
  using namespace engines::forest;
  Forest forest;
  forest.features = 1;
  forest.nodes = {{.test = Condition::kLess, .threshold = 0, .yes = 1, .no = 2},
                  {.test = Condition::kMemberFloor, .set = 0, .yes = 3, .no = 4},
                  {.yes = 0, .no = 1},
                  {.yes = 1, .no = 2},
                  {.yes = 2, .no = 3}};
  forest.sets = {{1, 2}};
  forest.votes = {{0, 1}, {0, 2}, {0, 3}};
  forest.roots = {0};
  ASSERT_TRUE(validate(forest));
  EXPECT_EQ(booster_graph(forest, Ending::kPredictions).error().code, Code::kUnimplemented);
}

}  // namespace
}  // namespace amas::convert
