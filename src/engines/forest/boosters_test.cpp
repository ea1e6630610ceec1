// Models of XGBoost and LightGBM, held against what the libraries answered
// (tests/oracles/forest_boosters.py).

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <sstream>

#include "base/file.h"
#include "base/limits.h"
#include "engines/forest/compiled.h"
#include "engines/forest/lightgbm.h"
#include "engines/forest/link.h"
#include "engines/forest/xgboost.h"

namespace amas::engines::forest {
namespace {

const fs::path kFolder = AMAS_TEST_DATA_DIR;

/// A .rows file.
struct Answers {
  std::size_t features = 0, targets = 0, predictions = 0;
  std::vector<std::vector<double>> rows, margins, predicted;
};

std::vector<double> take(std::istream& line, std::size_t count) {
  std::vector<double> values;
  for (std::string word; values.size() < count && line >> word;)
    if (word != "|") values.push_back(std::strtod(word.c_str(), nullptr));
  return values;
}

Answers read_answers(const std::string& name) {
  std::istringstream file(read_file(kFolder / (name + ".rows")).value());
  Answers answers;
  std::string text;
  std::getline(file, text);
  std::istringstream(text) >> answers.features >> answers.targets >> answers.predictions;
  while (std::getline(file, text)) {
    std::istringstream line(text);
    answers.rows.push_back(take(line, answers.features));
    answers.margins.push_back(take(line, answers.targets));
    answers.predicted.push_back(take(line, answers.predictions));
  }
  return answers;
}

template <class T>
void expect_margins(const Forest& forest, const Answers& answers) {
  const auto compiled = compile<T>(forest);
  ASSERT_TRUE(compiled) << compiled.error().message;
  std::vector<T> rows;
  for (const auto& row : answers.rows) rows.insert(rows.end(), row.begin(), row.end());
  std::vector<double> margins(answers.rows.size() * answers.targets);
  (*compiled)->margins({rows.data(), answers.rows.size(), static_cast<std::ptrdiff_t>(answers.features), 1},
                       margins, {});
  for (std::size_t row = 0; row < answers.rows.size(); ++row)
    for (std::size_t target = 0; target < answers.targets; ++target)
      EXPECT_EQ(std::bit_cast<std::uint64_t>(margins[row * answers.targets + target]),
                std::bit_cast<std::uint64_t>(answers.margins[row][target]))
          << "row " << row << " target " << target << ": " << margins[row * answers.targets + target]
          << " is not " << answers.margins[row][target];
}

/// The libraries' exponentials are float ones in XGBoost, so predictions agree to a few units of 2^-24.
void expect_predictions(const Forest& forest, const Answers& answers) {
  ASSERT_EQ(prediction_count(forest), answers.predictions);
  std::vector<double> predicted(answers.predictions);
  const double tolerance = forest.number == Number::kFloat32 ? 1e-6 : 1e-14;
  for (std::size_t row = 0; row < answers.rows.size(); ++row) {
    predict(forest, answers.margins[row], predicted);
    for (std::size_t i = 0; i < predicted.size(); ++i)
      EXPECT_NEAR(predicted[i], answers.predicted[row][i], tolerance * std::max(1.0, std::abs(predicted[i])));
  }
}

void expect_library(const Result<Forest>& forest, const std::string& name) {
  SCOPED_TRACE(name);
  ASSERT_TRUE(forest) << forest.error().message;
  const Answers answers = read_answers(name);
  ASSERT_GT(answers.rows.size(), 30U);
  ASSERT_EQ(static_cast<std::size_t>(forest->features), answers.features);
  ASSERT_EQ(static_cast<std::size_t>(forest->targets), answers.targets);
  expect_margins<double>(*forest, answers);
  // LightGBM's rows are doubles; those of XGBoost are floats.
  if (forest->number == Number::kFloat32) expect_margins<float>(*forest, answers);
  expect_predictions(*forest, answers);
}

std::string model(const std::string& file) { return read_file(kFolder / file).value(); }

TEST(XgboostModels, give_the_bits_of_the_librarys_margins) {
  for (const char* name : {"regression", "binary", "raw", "hinge", "probabilities", "class", "poisson",
                           "gamma", "rank", "dart", "forest", "targets", "leaf_vectors", "categories"}) {
    const std::string file = std::string("xgboost_") + name;
    expect_library(read_xgboost(model(file + ".json")), file);
  }
  expect_library(read_xgboost(model("xgboost_regression.ubj")), "xgboost_regression");
}

TEST(LightgbmModels, give_the_bits_of_the_librarys_raw_scores) {
  for (const char* name :
       {"regression", "zero_missing", "no_missing", "binary", "classes", "one_against_all", "dart", "forest",
        "square_root", "poisson", "cross_entropy", "intensity", "constant", "categories"}) {
    const std::string file = std::string("lightgbm_") + name;
    expect_library(read_lightgbm(model(file + ".txt")), file);
  }
}

/// Rows of floats take the ways that the same numbers as doubles take.
TEST(LightgbmModels, take_rows_of_floats) {
  for (const char* name : {"regression", "zero_missing", "no_missing", "categories"}) {
    const std::string file = std::string("lightgbm_") + name;
    const auto forest = read_lightgbm(model(file + ".txt"));
    ASSERT_TRUE(forest);
    std::vector<float> narrow;
    for (const auto& row : read_answers(file).rows) narrow.insert(narrow.end(), row.begin(), row.end());
    const std::vector<double> wide(narrow.begin(), narrow.end());
    const std::size_t rows = narrow.size() / 5;
    std::vector<double> of_floats(rows), of_doubles(rows);
    (*compile<float>(*forest))->margins({narrow.data(), rows, 5, 1}, of_floats, {});
    (*compile<double>(*forest))->margins({wide.data(), rows, 5, 1}, of_doubles, {});
    EXPECT_EQ(of_floats, of_doubles) << name;
  }
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("nothing to replace: " + std::string(from));
  return text.replace(at, from.size(), to);
}

void expect_refused(const Result<Forest>& forest, Code code, std::string_view because) {
  ASSERT_FALSE(forest) << because;
  EXPECT_EQ(forest.error().code, code) << forest.error().message;
  EXPECT_NE(forest.error().message.find(because), std::string::npos) << forest.error().message;
}

TEST(XgboostModels, say_what_they_cannot_be_read_for) {
  const std::string good = model("xgboost_regression.json"), categories = model("xgboost_categories.json");
  ASSERT_TRUE(read_xgboost(good));
  expect_refused(read_xgboost(model("xgboost_linear.json")), Code::kUnimplemented,
                 "booster is not known: gblinear");
  expect_refused(read_xgboost(with(good, "reg:squarederror", "reg:new")), Code::kUnimplemented, "reg:new");
  expect_refused(read_xgboost(""), Code::kInvalidArgument, "JSON");
  expect_refused(read_xgboost("{}"), Code::kInvalidArgument, "lacks a part: learner");
  expect_refused(read_xgboost(good.substr(0, 900)), Code::kInvalidArgument, "not valid JSON");
  expect_refused(read_xgboost(with(good, "\"left_children\":[1,", "\"left_children\":[0,")),
                 Code::kInvalidArgument, "XGBoost tree 0: node 0 is reached twice");
  expect_refused(read_xgboost(with(good, "\"left_children\":[1,", "\"left_children\":[99,")),
                 Code::kInvalidArgument, "a child is outside: 99");
  expect_refused(read_xgboost(with(good, "\"left_children\":[1,", "\"left_children\":[1,1,")),
                 Code::kInvalidArgument, "elements, not");
  expect_refused(read_xgboost(with(good, "\"left_children\":[1,", "\"left_children\":[\"x\",")),
                 Code::kInvalidArgument, "no number");
  expect_refused(read_xgboost(with(good, "\"num_feature\":\"5\",\"num_t", "\"num_feature\":\"1\",\"num_t")),
                 Code::kInvalidArgument, "asks for feature");
  expect_refused(read_xgboost(with(good, "\"num_target\":\"1\"", "\"num_target\":\"-1\"")),
                 Code::kInvalidArgument, "impossible num_target");
  expect_refused(read_xgboost(with(good, "\"num_target\":\"1\"", "\"num_target\":\"100001\"")),
                 Code::kInvalidArgument, "impossible num_target");
  expect_refused(
      read_xgboost(with(good, "\"num_feature\":\"5\",\"num_t", "\"num_feature\":\"1000001\",\"num_t")),
      Code::kInvalidArgument, "impossible num_feature");
  expect_refused(read_xgboost(with(categories, "\"categories_sizes\":[", "\"categories_sizes\":[77")),
                 Code::kInvalidArgument, "categories outside the list");
}

TEST(XgboostModels, in_ubjson_are_read_under_limits) {
  const std::string good = model("xgboost_regression.ubj");
  for (std::size_t size : {2U, 10U, 100U, 1000U, 5000U})
    expect_refused(read_xgboost(good.substr(0, size)), Code::kInvalidArgument, "not valid UBJSON");
  std::string deep = "{i\x01x";
  deep.append(100'000, '[');
  expect_refused(read_xgboost(deep), Code::kInvalidArgument, "deeper than allowed");
  // Two billion times true, in twelve bytes.
  expect_refused(read_xgboost(std::string("{i\x01x[$T#l\x7f\xff\xff\xff", 13)), Code::kResourceExhausted,
                 "more values");
}

TEST(LightgbmModels, are_read_under_limits) {
  const std::string good = model("lightgbm_regression.txt"), categories = model("lightgbm_categories.txt");
  expect_refused(read_lightgbm(with(good, "max_feature_idx=4", "max_feature_idx=1000000")),
                 Code::kInvalidArgument, "max_feature_idx is impossible");
  expect_refused(read_lightgbm(with(good, "num_class=1", "num_class=100001")), Code::kInvalidArgument,
                 "num_class is impossible");
  // All 32 bits of a third of a million words.
  constexpr std::size_t kWords = limits::kForestCategoriesMax / 32 + 1;
  std::string words = "cat_threshold=";
  for (std::size_t i = 0; i < kWords; ++i) words += "4294967295 ";
  const std::string count = std::to_string(kWords);
  std::string many =
      with(categories, "cat_boundaries=0 2 4 6", "cat_boundaries=0 " + count + " " + count + " " + count);
  many = with(many, "cat_threshold=965624732 166 2152738882 81 554435480 128", words);
  expect_refused(read_lightgbm(many), Code::kResourceExhausted, "too many categories");
}

TEST(LightgbmModels, say_what_they_cannot_be_read_for) {
  const std::string good = model("lightgbm_regression.txt"), categories = model("lightgbm_categories.txt");
  ASSERT_TRUE(read_lightgbm(good));
  expect_refused(read_lightgbm(model("lightgbm_linear.txt")), Code::kUnimplemented, "linear models");
  expect_refused(read_lightgbm(with(good, "objective=regression", "objective=new")), Code::kUnimplemented,
                 "new");
  expect_refused(read_lightgbm("forest\n"), Code::kUnimplemented, "first line");
  expect_refused(read_lightgbm(good.substr(0, good.size() / 2)), Code::kInvalidArgument, "");
  expect_refused(read_lightgbm(with(good, "end of trees", "")), Code::kInvalidArgument, "cut off");
  expect_refused(read_lightgbm(with(good, "left_child=", "left_child=0 ")), Code::kInvalidArgument,
                 "6 elements, not 5");
  expect_refused(read_lightgbm(with(good, "right_child=2 ", "right_child=1 ")), Code::kInvalidArgument,
                 "reached twice");
  expect_refused(read_lightgbm(with(good, "right_child=2 ", "right_child=9 ")), Code::kInvalidArgument,
                 "child is outside");
  expect_refused(read_lightgbm(with(good, "leaf_value=", "leaf_value=x")), Code::kInvalidArgument,
                 "no number");
  expect_refused(read_lightgbm(with(good, "max_feature_idx=4", "max_feature_idx=0")), Code::kInvalidArgument,
                 "LightGBM tree 0: split");
  expect_refused(read_lightgbm(with(good, "threshold=", "threshold=nan ")), Code::kInvalidArgument,
                 "elements");
  expect_refused(read_lightgbm(with(categories, "cat_boundaries=0 ", "cat_boundaries=9 ")),
                 Code::kInvalidArgument, "do not rise");
  expect_refused(read_lightgbm(with(categories, "threshold=0 ", "threshold=7 ")), Code::kInvalidArgument,
                 "no categories");
}

}  // namespace
}  // namespace amas::engines::forest
