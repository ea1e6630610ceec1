#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "base/limits.h"
#include "features/observation.h"
#include "features/pipeline.h"
#include "features/text_step.h"

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
  if (sklearn.contains("analyzer")) step["analyzer"] = sklearn["analyzer"];
  if (sklearn.contains("ngram_range")) step["ngrams"] = sklearn["ngram_range"];
  if (sklearn.contains("sublinear_tf")) step["sublinear"] = sklearn["sublinear_tf"];
  if (sklearn.contains("min_df")) step["min_df"] = sklearn["min_df"];
  if (sklearn.contains("max_features")) step["features_max"] = sklearn["max_features"];
  if (sklearn.contains("lowercase")) step["lower"] = sklearn["lowercase"];
  return step;
}

// Checks that rows without tensors hold what the tensors hold, and are observed alike.
void expect_same_without_tensors(const Pipeline& pipeline, const Strings& texts) {
  std::vector<TextObservation> expected, observed;
  const auto outputs = transform(pipeline, texts, &expected);
  ASSERT_TRUE(outputs);
  const auto width = static_cast<std::size_t>((*outputs)[0].shape()[1]);
  std::size_t rows = 0;
  const auto compare = [&](std::size_t row, const SparseRow& features) -> Status {
    EXPECT_EQ(row, rows++);
    const auto indices = (*outputs)[0].data<std::int32_t>().subspan(row * width, width);
    const auto values = (*outputs)[1].data<float>().subspan(row * width, width);
    const std::size_t size = features.indices.size();
    EXPECT_TRUE(std::ranges::equal(features.indices, indices.first(size))) << row;
    EXPECT_TRUE(std::ranges::equal(features.values, values.first(size))) << row;
    EXPECT_EQ(std::ranges::count(indices.subspan(size), 0), static_cast<std::ptrdiff_t>(width - size));
    return {};
  };
  const Tensor column = Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  ASSERT_TRUE(pipeline.for_each_sparse_row(std::vector<TensorView>{column}, &observed, compare));
  EXPECT_EQ(rows, texts.size());
  ASSERT_EQ(expected.size(), observed.size());
  for (std::size_t row = 0; row < rows; ++row) {
    EXPECT_EQ(expected[row].tokens, observed[row].tokens);
    EXPECT_EQ(expected[row].buckets, observed[row].buckets);
  }
}

// Checks every term and every weight against what scikit-learn made of the same texts.
void expect_same_as_scikit_learn(const std::string& file, double tolerance) {
  const Json oracle = Json::parse(*read_file(AMAS_TEST_DATA_DIR "/" + file));
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
    expect_same_without_tensors(*pipeline, all);
    const auto width = static_cast<std::size_t>((*outputs)[0].shape()[1]);
    for (std::size_t row = 0; row < all.size(); ++row) {
      const auto indices = (*outputs)[0].data<std::int32_t>().subspan(row * width, width);
      const auto values = (*outputs)[1].data<float>().subspan(row * width, width);
      const Json& expected = test["rows"][row];
      for (std::size_t i = 0; i < width; ++i) {
        const bool padding = i >= expected[0].size();
        ASSERT_EQ(indices[i], padding ? 0 : expected[0][i].get<std::int32_t>() + 1) << row << " " << i;
        ASSERT_NEAR(values[i], padding ? 0 : expected[1][i].get<double>(), tolerance) << row << " " << i;
      }
    }
  }
}

Json terms_of(const Strings& texts, const Json& step) {
  return Json::parse(fit(texts, step)->to_json())["terms"];
}

TEST(Tfidf, terms_and_weights_are_those_of_scikit_learn_on_mixed_texts) {
  // The oracle's weights are stored with 9 digits, ours are floats: 6e-8 of rounding.
  expect_same_as_scikit_learn("sklearn.json", 1e-7);
}

TEST(Tfidf, ngrams_of_characters_are_those_of_scikit_learn_on_mixed_texts) {
  // Stored with 7 digits: 5e-8 more.
  expect_same_as_scikit_learn("sklearn_char_wb.json", 2e-7);
}

TEST(Tfidf, takes_characters_within_words_with_a_space_on_either_side) {
  const Json step{{"analyzer", "char_wb"}, {"ngrams", 3}};
  EXPECT_EQ(terms_of({" Abc\t\tx "}, step), Json({" ab", " x ", "abc", "bc "}));
  EXPECT_EQ(terms_of({"é\xC2\xA0中文"}, step), Json({" é ", " 中文", "中文 "}))
      << "characters are code points";
}

TEST(Tfidf, counts_a_word_shorter_than_the_ngram_once) {
  const auto pipeline = fit({"a bcdef"}, {{"analyzer", "char_wb"}, {"ngrams", {4, 6}}, {"min_df", 1}});
  const Json terms = Json::parse(pipeline->to_json())["terms"];
  EXPECT_EQ(terms,
            Json({" a ", " bcd", " bcde", " bcdef", "bcde", "bcdef", "bcdef ", "cdef", "cdef ", "def "}));
  const auto outputs = transform(*pipeline, {"a bcdef"});
  for (const float value : (*outputs)[1].data<float>())
    EXPECT_FLOAT_EQ(value, static_cast<float>(1 / std::sqrt(10.0))) << "every term stands once";
}

TEST(Tfidf, a_single_number_is_up_to_n_words_but_exactly_n_characters) {
  const Strings texts{"aa bb cc"};
  EXPECT_EQ(terms_of(texts, {{"ngrams", 2}}), terms_of(texts, {{"ngrams", {1, 2}}}));
  EXPECT_EQ(terms_of(texts, {{"ngrams", {2, 2}}}), Json({"aa bb", "bb cc"}));
  EXPECT_EQ(terms_of(texts, {{"analyzer", "char_wb"}, {"ngrams", 4}}),
            terms_of(texts, {{"analyzer", "char_wb"}, {"ngrams", {4, 4}}}));
}

TEST(Tfidf, weighs_texts_of_many_ngrams_and_of_many_terms) {
  // More n-grams than are sorted by comparing, and terms whose numbers have one and two bytes.
  Strings texts(1);
  for (int i = 0; i < 400; ++i) texts[0] += fmt::format("w{:03} ", i);
  for (int i = 0; i < 400; i += 7) texts[0] += fmt::format("w{:03} ", i);
  const auto pipeline = fit(texts, Json::object());
  const auto outputs = transform(*pipeline, texts);
  ASSERT_EQ((*outputs)[0].shape(), (Shape{1, 400}));
  const double norm = std::sqrt(342 + 58 * 4.0);
  for (std::size_t i = 0; i < 400; ++i) {
    EXPECT_EQ((*outputs)[0].data<std::int32_t>()[i], static_cast<std::int32_t>(i + 1));
    EXPECT_FLOAT_EQ((*outputs)[1].data<float>()[i], static_cast<float>((i % 7 == 0 ? 2 : 1) / norm));
  }
}

TEST(Tfidf, stops_at_the_row_whose_use_fails) {
  const auto pipeline = fit({"one two", "two three"}, {{"ngrams", 1}});
  const Tensor column = Tensor::of_strings({3}, {"one", "two", "three"});
  std::size_t calls = 0;
  const auto use = [&](std::size_t row, const SparseRow&) -> Status {
    ++calls;
    return row == 1 ? Status(unavailable("enough")) : Status();
  };
  const auto status = pipeline->for_each_sparse_row(std::vector<TensorView>{column}, nullptr, use);
  EXPECT_EQ(status.error().message, "enough");
  EXPECT_EQ(calls, 2u);
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

TEST(Tfidf, observes_as_another_pipeline_does_what_both_know) {
  auto first = fit({"aa aa bb", "dd"}, {{"ngrams", 1}});
  const auto second = fit({"bb bb bb aa", "new"}, {{"ngrams", 1}});
  first->observe_as(*second);
  std::vector<TextObservation> observed;
  ASSERT_TRUE(transform(*first, {"aa bb bb dd new"}, &observed).has_value());
  EXPECT_EQ(observed[0].unknown, 2u) << "dd, which the second lacks, and new, which the first lacks";
  EXPECT_EQ(observed[0].buckets[1], 2) << "bb is the second's most frequent word";
  EXPECT_EQ(observed[0].buckets[2], 1);
}

TEST(Tfidf, observes_every_ngram_of_characters) {
  const auto pipeline = fit({"aa aa b"}, {{"analyzer", "char_wb"}, {"ngrams", {2, 3}}});
  std::vector<TextObservation> observed;
  ASSERT_TRUE(transform(*pipeline, {"aa c", ""}, &observed).has_value());
  EXPECT_EQ(observed[0].characters, 4u);
  EXPECT_EQ(observed[0].tokens, 8u) << "' a' aa 'a ' ' aa' 'aa ' and ' c' 'c ' ' c '";
  EXPECT_EQ(observed[0].unknown, 3u);
  EXPECT_EQ(observed[0].buckets[0], 3);
  EXPECT_EQ(std::accumulate(observed[0].buckets.begin() + 1, observed[0].buckets.begin() + 6, 0), 5)
      << "the five n-grams of aa are the most frequent";
  EXPECT_EQ(observed[1].tokens, 0u);
}

TEST(Tfidf, observes_the_shortest_ngrams_of_words) {
  const auto pipeline = fit({"aa bb cc"}, {{"ngrams", {2, 3}}});
  std::vector<TextObservation> observed;
  ASSERT_TRUE(transform(*pipeline, {"aa bb zz", "aa"}, &observed).has_value());
  EXPECT_EQ(observed[0].tokens, 2u);
  EXPECT_EQ(observed[0].unknown, 1u);
  EXPECT_EQ(observed[0].buckets[1], 1) << "aa bb comes first of the equally frequent pairs";
  EXPECT_EQ(observed[1].tokens, 0u);
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

TEST(Tfidf, one_long_text_does_not_widen_all_rows) {
  Strings words;
  for (int i = 0; i < 20'000; ++i) words.push_back(fmt::format("word{}", i));
  const std::string long_text = fmt::format("{}", fmt::join(words, " "));
  const auto pipeline = fit({long_text}, {{"ngrams", 1}});
  Strings texts(1'500, "word1 word2");
  texts[700] = long_text;
  const Tensor column = Tensor::of_strings({1'500}, texts);
  std::vector<TextObservation> observed;
  const auto pieces = pipeline->transform_in_pieces(std::vector<TensorView>{column}, &observed);
  ASSERT_TRUE(pieces) << pieces.error().message;
  std::int64_t rows = 0;
  for (const auto& piece : *pieces) {
    EXPECT_LE(piece[0].bytes().size() + piece[1].bytes().size(), limits::kBatchBytesMax);
    ASSERT_EQ(piece[0].rows(), piece[1].rows());
    const auto width = static_cast<std::size_t>(piece[0].shape()[1]);
    const auto indices = piece[0].data<std::int32_t>();
    for (std::size_t at = 0; at < indices.size(); at += width, ++rows)
      EXPECT_EQ(width > 2 && indices[at + 2] != 0, rows == 700) << rows;
  }
  EXPECT_EQ(rows, 1'500);
  EXPECT_EQ(observed.size(), 1'500u);
  EXPECT_EQ((*pieces)[0][0].shape(), (Shape{700, 2})) << "rows before the long one stay narrow";
}

TEST(Tfidf, refuses_a_row_that_is_too_large_alone_and_names_the_limit) {
  const Strings texts{"aa bb cc dd ee", "aa", "bb cc dd"};
  const auto step = fit_tfidf(TfidfSettings(), texts);
  ASSERT_TRUE(step) << step.error().message;
  const auto pieces = (*step)->transform(texts, {}, 48);
  ASSERT_TRUE(pieces) << pieces.error().message;
  ASSERT_EQ(pieces->size(), 2u);
  EXPECT_EQ((*pieces)[0][0].shape(), (Shape{1, 5}));
  EXPECT_EQ((*pieces)[1][0].shape(), (Shape{2, 3}));
  const auto refused = (*step)->transform(texts, {}, 39);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  EXPECT_NE(refused.error().message.find("row 0 has 5 > 4 (39 bytes of tensors)"), std::string::npos)
      << refused.error().message;
  EXPECT_EQ((*step)->transform({}, {}, 48)->size(), 1u);
}

}  // namespace
}  // namespace amas::features
