// Graphs as PyTorch's exporters and tf2onnx write them, held against what those frameworks answered
// (tests/oracles/sequence_exports.py).

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "engines/sequence/sequence_engine.h"

namespace amas::engines::sequence {
namespace {

const fs::path kFolder = AMAS_TEST_DATA_DIR;

/// A .rows file.
struct Answers {
  std::vector<std::int64_t> tokens;
  std::vector<double> scores;
  std::int64_t rows = 0;
};

Answers read_answers(const fs::path& file) {
  std::istringstream lines(read_file(file).value());
  Answers answers;
  for (std::string line; std::getline(lines, line); ++answers.rows) {
    std::istringstream words(line);
    bool behind = false;
    for (std::string word; words >> word;) {
      if (word == "|") behind = true;
      else if (behind) answers.scores.push_back(std::strtod(word.c_str(), nullptr));
      else answers.tokens.push_back(std::stoll(word));
    }
  }
  return answers;
}

Tensor tensor_of(const Answers& answers, DType type) {
  const Shape shape{answers.rows, std::ssize(answers.tokens) / answers.rows};
  if (type == DType::kInt64)
    return Tensor::of<std::int64_t>(shape, std::span<const std::int64_t>(answers.tokens));
  const std::vector<std::int32_t> narrow(answers.tokens.begin(), answers.tokens.end());
  return Tensor::of<std::int32_t>(shape, std::span<const std::int32_t>(narrow));
}

/// The graphs whose names begin so, or do not.
std::vector<std::string> graphs(bool others) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".onnx" && entry.path().stem().string().starts_with("other_") == others)
      names.push_back(entry.path().stem().string());
  std::ranges::sort(names);
  return names;
}

class Exported : public testing::TestWithParam<std::string> {};

/// float32 has seven digits; the weights are harder than trained ones, and int16 has four of them.
TEST_P(Exported, gives_the_scores_of_the_framework) {
  const std::string onnx = read_file(kFolder / (GetParam() + ".onnx")).value();
  const Answers answers = read_answers(kFolder / (GetParam() + ".rows"));
  ASSERT_EQ(answers.rows, 8);
  for (const auto& [precision, bound] : {std::pair{"float32", 1e-6}, {"int16", 1e-3}}) {
    const auto model = make_sequence_engine()->load(onnx, {.precision = precision});
    ASSERT_TRUE(model) << model.error().message;
    const Tensor rows = tensor_of(answers, (*model)->inputs()[0].dtype);
    const auto results = (*model)->run(std::vector<TensorView>{rows});
    ASSERT_TRUE(results) << results.error().message;
    const auto scores = (*results)[0].data<float>();
    ASSERT_EQ(scores.size(), answers.scores.size());
    for (std::size_t i = 0; i < scores.size(); ++i)
      EXPECT_NEAR(static_cast<double>(scores[i]), answers.scores[i], bound) << precision << " score " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(all, Exported, testing::ValuesIn(graphs(false)),
                         [](const auto& each) { return each.param; });

class ExportedLookAlikes : public testing::TestWithParam<std::string> {};

TEST_P(ExportedLookAlikes, are_left_to_the_general_engine) {
  const auto refused = make_sequence_engine()->load(read_file(kFolder / (GetParam() + ".onnx")).value(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnimplemented) << refused.error().message;
}

INSTANTIATE_TEST_SUITE_P(all, ExportedLookAlikes, testing::ValuesIn(graphs(true)),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace amas::engines::sequence
