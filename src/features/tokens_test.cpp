#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/limits.h"
#include "features/observation.h"
#include "features/pipeline.h"
#include "features/text_settings.h"

namespace amas::features {
namespace {

using Strings = std::vector<std::string>;

table::Table texts_table(Strings texts) {
  table::Column column{"body", std::move(texts), {}};
  std::vector<table::Column> columns;
  columns.push_back(std::move(column));
  return *table::Table::of(std::move(columns));
}

Result<Pipeline> fit(const Strings& texts, Json step) {
  step["type"] = "tokens";
  return Pipeline::fit({"body", "", std::move(step)}, texts_table(texts));
}

std::vector<std::vector<std::int32_t>> transform(const Pipeline& pipeline, const Strings& texts,
                                                 std::vector<TextObservation>* observed = nullptr) {
  const Tensor column = Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  const auto outputs = pipeline.transform(std::vector<TensorView>{column}, observed);
  EXPECT_TRUE(outputs.has_value());
  const auto values = (*outputs)[0].data<std::int32_t>();
  const auto length = static_cast<std::size_t>((*outputs)[0].shape()[1]);
  std::vector<std::vector<std::int32_t>> rows;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto row = values.subspan(i * length, length);
    rows.emplace_back(row.begin(), row.end());
  }
  return rows;
}

// The settings of a Keras Tokenizer in our terms.
Json our_settings(const Json& keras) {
  Json step = Json::object();
  if (keras.contains("num_words")) step["vocabulary"] = keras["num_words"];
  if (keras.contains("oov_token")) step["oov"] = keras["oov_token"];
  if (keras.contains("lower")) step["lower"] = keras["lower"];
  if (keras.contains("filters")) step["filters"] = keras["filters"];
  if (keras.value("char_level", false)) step["level"] = "character";
  return step;
}

TEST(Tokens, are_those_of_keras_on_mixed_texts) {
  const Json oracle = Json::parse(*read_file(AMAS_TEST_DATA_DIR "/keras.json"));
  const Strings training = oracle["training"];
  Strings all = training;
  for (const auto& text : oracle["unseen"]) all.push_back(text);
  for (const Json& test : oracle["cases"])
    for (const Json& padded : test["padded"]) {
      Json step = our_settings(test["settings"]);
      step["length"] = padded["length"];
      step["padding"] = padded["padding"];
      step["truncating"] = padded["truncating"];
      SCOPED_TRACE(step.dump());
      const auto pipeline = fit(training, step);
      ASSERT_TRUE(pipeline.has_value()) << pipeline.error().message;
      Json words = Json::parse(pipeline->to_json())["words"];
      if (test["settings"].contains("oov_token")) words.insert(words.begin(), test["settings"]["oov_token"]);
      EXPECT_EQ(words, test["words"]);
      EXPECT_EQ(pipeline->index_count(), static_cast<std::int64_t>(test["words"].size() + 1));
      EXPECT_EQ(Json(transform(*pipeline, all)), padded["rows"]);
    }
}

TEST(Tokens, order_words_by_frequency_and_equal_ones_by_first_appearance) {
  const auto pipeline = fit({"c b a", "b a", "d d d"}, {{"length", 4}});
  EXPECT_EQ(Json::parse(pipeline->to_json())["words"], Json({"d", "b", "a", "c"}));
  EXPECT_EQ(pipeline->text_type(), "tokens");
  EXPECT_EQ(pipeline->outputs()[0].shape, (Shape{-1, 4}));
}

TEST(Tokens, drop_unknown_words_where_there_is_no_oov_token) {
  const auto pipeline = fit({"a a b"}, {{"length", 4}, {"vocabulary", 2}});
  EXPECT_EQ(transform(*pipeline, {"b a x a"}), (std::vector<std::vector<std::int32_t>>{{0, 0, 1, 1}}));
  EXPECT_EQ(pipeline->index_count(), 2);
}

TEST(Tokens, map_a_word_that_equals_the_oov_token_to_it) {
  const auto pipeline = fit({"unk unk unk word"}, {{"length", 2}, {"oov", "unk"}});
  EXPECT_EQ(pipeline->index_count(), 3);
  EXPECT_EQ(transform(*pipeline, {"unk word"}), (std::vector<std::vector<std::int32_t>>{{1, 2}}));
}

TEST(Tokens, are_observed_before_truncation) {
  Strings training;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (int j = 0; j <= i; ++j) text += fmt::format("w{} ", j);
    training.push_back(text);
  }
  const auto pipeline = fit(training, {{"length", 2}, {"oov", "<OOV>"}});
  std::vector<TextObservation> observed;
  transform(*pipeline, {"w0 w1 w1 w46 w47 é x", ""}, &observed);
  ASSERT_EQ(observed.size(), 2u);
  EXPECT_EQ(observed[0].characters, 20u);
  EXPECT_EQ(observed[0].tokens, 7u);
  EXPECT_EQ(observed[0].unknown, 2u);
  EXPECT_EQ(observed[0].buckets[0], 2);
  EXPECT_EQ(observed[0].buckets[1], 1);
  EXPECT_EQ(observed[0].buckets[2], 2);
  EXPECT_EQ(observed[0].buckets[47], 1);
  EXPECT_EQ(observed[0].buckets[rare_bucket("w47")], 1);
  EXPECT_EQ(observed[1].tokens, 0u);
}

TEST(Tokens, are_observed_as_another_pipeline_counts_them_where_both_know_them) {
  auto first = fit({"a a a b b c d"}, {{"length", 1}, {"oov", "<OOV>"}});
  const auto second = fit({"b b b b a a a c new"}, {{"length", 1}, {"oov", "<OOV>"}});
  first->observe_as(*second);
  std::vector<TextObservation> observed;
  EXPECT_EQ(transform(*first, {"a a b c d new x"}, &observed), transform(*first, {"x"}));
  EXPECT_EQ(observed[0].tokens, 7u);
  EXPECT_EQ(observed[0].unknown, 3u) << "d, which the second lacks; new, which the first lacks; x";
  EXPECT_EQ(observed[0].buckets[0], 3);
  EXPECT_EQ(observed[0].buckets[1], 1) << "b is the second's most frequent word";
  EXPECT_EQ(observed[0].buckets[2], 2);
  EXPECT_EQ(observed[0].buckets[3], 1);
}

TEST(Tokens, buckets_of_rare_words_are_fnv1a_and_never_change) {
  // FNV-1a of "" is its offset basis 2166136261, of "a" 0xE40C292C, of "foobar" 0xBF9CF968 (published test
  // vectors).
  EXPECT_EQ(rare_bucket(""), 48 + 2'166'136'261u % 16);
  EXPECT_EQ(rare_bucket("a"), 48 + 0xE40C292Cu % 16);
  EXPECT_EQ(rare_bucket("foobar"), 48 + 0xBF9CF968u % 16);
}

TEST(Tokens, bucket_counts_saturate) {
  const auto pipeline = fit({"a b"}, {{"length", 1}});
  std::string text;
  for (int i = 0; i < 70'000; ++i) text += "a ";
  std::vector<TextObservation> observed;
  transform(*pipeline, {text}, &observed);
  EXPECT_EQ(observed[0].tokens, 70'000u);
  EXPECT_EQ(observed[0].buckets[1], 65'535);
}

TEST(Tokens, need_a_word_in_some_text) {
  const auto pipeline = fit({"", " ... "}, Json::object());
  ASSERT_FALSE(pipeline.has_value());
  EXPECT_EQ(pipeline.error().code, Code::kFailedPrecondition);
}

TEST(Tokens, ask_for_a_length_when_the_longest_text_is_too_long) {
  std::string text;
  for (std::int64_t i = 0; i <= kLengthMax; ++i) text += "a ";
  const auto pipeline = fit({text}, Json::object());
  ASSERT_FALSE(pipeline.has_value());
  EXPECT_EQ(pipeline.error().code, Code::kInvalidArgument);
  EXPECT_NE(pipeline.error().message.find("\"length\""), std::string::npos);
  EXPECT_TRUE(fit({text}, {{"length", kLengthMax}}).has_value());
}

TEST(Tokens, that_would_fill_the_memory_are_refused) {
  const auto pipeline = fit({"a"}, {{"length", kLengthMax}});
  const Tensor column = Tensor::of_strings({9000}, Strings(9000));
  const auto outputs = pipeline->transform(std::vector<TensorView>{column});
  ASSERT_FALSE(outputs.has_value());
  EXPECT_EQ(outputs.error().code, Code::kResourceExhausted);
}

TEST(Tokens, come_in_pieces_that_no_run_of_a_graph_is_too_small_for) {
  const auto pipeline = fit({"a"}, {{"length", kLengthMax}});
  const Tensor column = Tensor::of_strings({300}, Strings(300, "a"));
  const auto pieces = pipeline->transform_in_pieces(std::vector<TensorView>{column});
  ASSERT_TRUE(pieces) << pieces.error().message;
  const auto rows_most =
      static_cast<std::int64_t>(limits::kBatchBytesMax / sizeof(std::int32_t)) / kLengthMax;
  ASSERT_EQ(pieces->size(), static_cast<std::size_t>((300 + rows_most - 1) / rows_most));
  EXPECT_EQ((*pieces)[0][0].shape(), (Shape{rows_most, kLengthMax}));
  EXPECT_EQ(pipeline->transform(std::vector<TensorView>{column})->front().rows(), 300);
  const Tensor nothing = Tensor::of_strings({0}, {});
  EXPECT_EQ(pipeline->transform_in_pieces(std::vector<TensorView>{nothing})->front()[0].rows(), 0);
}

}  // namespace
}  // namespace amas::features
