#include <gtest/gtest.h>

#include <cmath>

#include "base/file.h"
#include "features/observation.h"
#include "features/pipeline.h"

namespace amas::features {
namespace {

using Strings = std::vector<std::string>;

Result<Pipeline> fit(const Strings& texts, Json step) {
  step["type"] = "tfidf";
  std::vector<table::Column> columns;
  columns.push_back({"body", texts, {}});
  return Pipeline::fit({"body", "", std::move(step)}, *table::Table::of(std::move(columns)));
}

Result<std::vector<Tensor>> transform(const Pipeline& pipeline, const Strings& texts,
                                      std::vector<TextObservation>* observed = nullptr) {
  const Tensor column = Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  return pipeline.transform(std::vector<TensorView>{column}, observed);
}

Json our_settings(const Json& sklearn) {
  Json step = Json::object();
  if (sklearn.contains("ngram_range")) step["ngrams"] = sklearn["ngram_range"][1];
  if (sklearn.contains("sublinear_tf")) step["sublinear"] = sklearn["sublinear_tf"];
  if (sklearn.contains("min_df")) step["min_df"] = sklearn["min_df"];
  if (sklearn.contains("max_features")) step["features_max"] = sklearn["max_features"];
  if (sklearn.contains("lowercase")) step["lower"] = sklearn["lowercase"];
  return step;
}

TEST(Tfidf, terms_and_weights_are_those_of_scikit_learn_on_mixed_texts) {
  const Json oracle = Json::parse(*read_file(AMAS_TEST_DATA_DIR "/sklearn.json"));
  const Strings training = oracle["training"];
  Strings all = training;
  for (const auto& text : oracle["unseen"]) all.push_back(text);
  for (const Json& test : oracle["cases"]) {
    SCOPED_TRACE(test["settings"].dump());
    const auto pipeline = fit(training, our_settings(test["settings"]));
    ASSERT_TRUE(pipeline.has_value()) << pipeline.error().message;
    EXPECT_EQ(Json::parse(pipeline->to_json())["terms"], test["terms"]);
    EXPECT_EQ(pipeline->index_count(), static_cast<std::int64_t>(test["terms"].size() + 1));
    const auto outputs = transform(*pipeline, all);
    ASSERT_TRUE(outputs.has_value());
    const auto width = static_cast<std::size_t>((*outputs)[0].shape()[1]);
    for (std::size_t row = 0; row < all.size(); ++row) {
      const auto indices = (*outputs)[0].data<std::int32_t>().subspan(row * width, width);
      const auto values = (*outputs)[1].data<float>().subspan(row * width, width);
      const Json& expected = test["rows"][row];
      for (std::size_t i = 0; i < width; ++i) {
        const bool padding = i >= expected[0].size();
        ASSERT_EQ(indices[i], padding ? 0 : expected[0][i].get<std::int32_t>() + 1) << row << " " << i;
        // The oracle's weights are stored with 9 digits, ours are floats: 6e-8 of rounding.
        ASSERT_NEAR(values[i], padding ? 0 : expected[1][i].get<double>(), 1e-7) << row << " " << i;
      }
    }
  }
}

TEST(Tfidf, weighs_by_the_smooth_idf_and_unit_length) {
  const auto pipeline = fit({"aa bb", "aa"}, Json::object());
  const auto outputs = transform(*pipeline, {"aa bb bb", ""});
  const double idf_a = std::log(3.0 / 3.0) + 1, idf_b = std::log(3.0 / 2.0) + 1;
  const double norm = std::sqrt(idf_a * idf_a + 4 * idf_b * idf_b);
  EXPECT_EQ((*outputs)[0].shape(), (Shape{2, 2}));
  EXPECT_FLOAT_EQ((*outputs)[1].data<float>()[0], static_cast<float>(idf_a / norm));
  EXPECT_FLOAT_EQ((*outputs)[1].data<float>()[1], static_cast<float>(2 * idf_b / norm));
  EXPECT_EQ((*outputs)[0].data<std::int32_t>()[2], 0) << "an empty text is padding only";
  EXPECT_EQ(pipeline->outputs()[1].name, "values");
  EXPECT_EQ(pipeline->text_type(), "tfidf");
}

TEST(Tfidf, gives_even_empty_texts_one_padding) {
  const auto pipeline = fit({"aa bb"}, Json::object());
  const auto outputs = transform(*pipeline, {"", "zz"});
  EXPECT_EQ((*outputs)[0].shape(), (Shape{2, 1}));
  EXPECT_EQ((*outputs)[1].data<float>()[0], 0);
}

TEST(Tfidf, observes_single_words) {
  const auto pipeline = fit({"aa bb aa", "aa cc", "bb dd"}, {{"ngrams", 2}, {"min_df", 2}});
  std::vector<TextObservation> observed;
  ASSERT_TRUE(transform(*pipeline, {"bb aa! aa zz é cc"}, &observed).has_value());
  EXPECT_EQ(observed[0].characters, 17u);
  EXPECT_EQ(observed[0].tokens, 5u);
  EXPECT_EQ(observed[0].unknown, 2u) << "zz was never seen, cc in too few texts";
  EXPECT_EQ(observed[0].buckets[0], 2);
  EXPECT_EQ(observed[0].buckets[1], 2) << "aa is the most frequent word";
  EXPECT_EQ(observed[0].buckets[2], 1);
}

TEST(Tfidf, keeps_the_first_in_order_of_equally_frequent_terms) {
  const auto pipeline = fit({"cc bb aa dd dd"}, {{"features_max", 2}});
  EXPECT_EQ(Json::parse(pipeline->to_json())["terms"], Json({"aa", "dd"}));
}

TEST(Tfidf, needs_a_term_in_enough_texts) {
  for (const auto& [texts, step] : std::vector<std::pair<Strings, Json>>{{{"a b", ""}, Json::object()},
                                                                         {{"aa", "bb"}, {{"min_df", 2}}}}) {
    const auto pipeline = fit(texts, step);
    ASSERT_FALSE(pipeline.has_value());
    EXPECT_EQ(pipeline.error().code, Code::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace amas::features
