#include "features/pipeline.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "base/threads.h"

namespace amas::features {
namespace {

using Strings = std::vector<std::string>;

table::Table mail_table() {
  std::vector<table::Column> columns;
  columns.push_back({"body", Strings{"free money now", "see you on monday", "free free offer"}, {}});
  columns.push_back({"label", Strings{"spam", "ham", "spam"}, {}});
  return *table::Table::of(std::move(columns));
}

table::Table table_of(table::Column target) {
  std::vector<table::Column> columns;
  columns.push_back({"body", Strings(target.size(), "some words"), {}});
  columns.push_back(std::move(target));
  return *table::Table::of(std::move(columns));
}

const Json kTokens{{"type", "tokens"}, {"length", 4}, {"oov", "<OOV>"}};
const Json kTfidf{{"type", "tfidf"}, {"ngrams", 2}, {"sublinear", true}};
const Json kCharacters{{"type", "tfidf"}, {"analyzer", "char_wb"}, {"ngrams", {2, 4}}};

Error fit_error(const PipelineSpec& spec, const table::Table& table) {
  const auto pipeline = Pipeline::fit(spec, table);
  EXPECT_FALSE(pipeline.has_value());
  return pipeline ? Error{} : pipeline.error();
}

Error setting_error(const Json& step) { return fit_error({"body", "label", step}, mail_table()); }

Error read_error(const std::string& json) {
  const auto pipeline = Pipeline::from_json(json);
  EXPECT_FALSE(pipeline.has_value()) << json.substr(0, 200);
  return pipeline ? Error{} : pipeline.error();
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Pipeline, takes_text_and_knows_its_labels) {
  const auto pipeline = Pipeline::fit({"body", "label", kTokens}, mail_table());
  ASSERT_TRUE(pipeline.has_value()) << pipeline.error().message;
  ASSERT_EQ(pipeline->inputs().size(), 1u);
  EXPECT_EQ(pipeline->inputs()[0].name, "text");
  EXPECT_EQ(pipeline->inputs()[0].dtype, DType::kString);
  EXPECT_EQ(pipeline->labels(), (Strings{"ham", "spam"}));
  const auto classes = pipeline->encode_labels(*mail_table().find("label"));
  ASSERT_TRUE(classes.has_value());
  EXPECT_EQ(*classes, (std::vector<std::int32_t>{1, 0, 1}));
}

TEST(Pipeline, works_without_a_target) {
  const auto pipeline = Pipeline::fit({"body", "", kTokens}, mail_table());
  ASSERT_TRUE(pipeline.has_value());
  EXPECT_TRUE(pipeline->labels().empty());
  EXPECT_TRUE(Pipeline::from_json(pipeline->to_json()).has_value());
}

TEST(Pipeline, reads_what_it_wrote_and_prepares_the_same) {
  for (const Json& step : {kTokens, kTfidf, kCharacters}) {
    const auto fitted = Pipeline::fit({"body", "label", step}, mail_table());
    const std::string json = fitted->to_json();
    const auto read = Pipeline::from_json(json);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(read->to_json(), json);
    EXPECT_EQ(read->labels(), fitted->labels());
    EXPECT_EQ(read->index_count(), fitted->index_count());
    const Tensor texts = Tensor::of_strings({2}, {"free offer for you", "monday"});
    std::vector<TextObservation> observed[2];
    const auto a = fitted->transform(std::vector<TensorView>{texts}, &observed[0]);
    const auto b = read->transform(std::vector<TensorView>{texts}, &observed[1]);
    for (std::size_t i = 0; i < a->size(); ++i)
      EXPECT_TRUE(std::ranges::equal((*a)[i].bytes(), (*b)[i].bytes()));
    EXPECT_EQ(observed[0][0].buckets, observed[1][0].buckets);
  }
}

TEST(Pipeline, prepares_each_row_as_if_it_came_alone) {
  const auto pipeline = Pipeline::fit({"body", "label", kTokens}, mail_table());
  const Tensor both = Tensor::of_strings({3}, {"free money", "you", "monday on"});
  const auto together = pipeline->transform(std::vector<TensorView>{both});
  const auto last = pipeline->transform(std::vector<TensorView>{TensorView(both, 2, 3)});
  EXPECT_TRUE(std::ranges::equal(TensorView((*together)[0], 2, 3).bytes(), (*last)[0].bytes()));
}

TEST(Pipeline, is_used_by_several_threads_at_once) {
  for (const Json& step : {kTokens, kTfidf, kCharacters}) {
    const auto pipeline = Pipeline::fit({"body", "label", step}, mail_table());
    const Tensor texts = Tensor::of_strings({3}, {"free money on ΑΣ", "", "monday"});
    const std::vector<TensorView> columns{texts};
    const auto alone = pipeline->transform(columns);
    parallel_for(40, 4, [&](std::size_t) {
      std::vector<TextObservation> observed;
      const auto tensors = pipeline->transform(columns, &observed);
      EXPECT_TRUE(std::ranges::equal((*tensors)[0].bytes(), (*alone)[0].bytes()));
      EXPECT_EQ(observed.size(), 3u);
    });
  }
}

TEST(Pipeline, orders_labels_as_the_values_of_their_column) {
  const auto labels = [](table::Column target) {
    return Pipeline::fit({"body", target.name, kTokens}, table_of(target))->labels();
  };
  EXPECT_EQ(labels({"y", std::vector<std::int64_t>{10, 2, -1, 2}, {}}), (Strings{"-1", "2", "10"}));
  EXPECT_EQ(labels({"y", std::vector<double>{10.5, 2, 2}, {}}), (Strings{"2", "10.5"}));
  EXPECT_EQ(labels({"y", std::vector<std::uint8_t>{1, 0, 1}, {}}), (Strings{"false", "true"}));
  EXPECT_EQ(labels({"y", Strings{"None", "a", "B"}, {}}), (Strings{"B", "None", "a"}));
}

TEST(Pipeline, names_the_label_that_it_does_not_know) {
  const auto pipeline = Pipeline::fit({"body", "label", kTokens}, mail_table());
  const auto classes = pipeline->encode_labels({"label", Strings{"ham", "spamm"}, {}});
  ASSERT_FALSE(classes.has_value());
  EXPECT_EQ(classes.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(
      contains(classes.error().message, "\"spamm\" in row 1; did you mean \"spam\"?; known: ham, spam"));
}

TEST(Pipeline, refuses_targets_that_cannot_be_learnt) {
  EXPECT_EQ(fit_error({"body", "y", kTokens}, table_of({"y", Strings{"a", "a"}, {}})).code,
            Code::kFailedPrecondition);
  const Error missing = fit_error({"body", "y", kTokens}, table_of({"y", Strings{"a", "", "b"}, {0, 1, 0}}));
  EXPECT_EQ(missing.code, Code::kInvalidArgument);
  EXPECT_TRUE(contains(missing.message, "row 1"));
  EXPECT_EQ(fit_error({"body", "y", kTokens}, table_of({"y", Strings{"\xFF", "b"}, {}})).code,
            Code::kInvalidArgument);
}

TEST(Pipeline, names_the_column_that_is_missing) {
  const Error error = fit_error({"bodi", "label", kTokens}, mail_table());
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_TRUE(contains(error.message, "did you mean \"body\"?"));
  EXPECT_EQ(fit_error({"body", "lable", kTokens}, mail_table()).code, Code::kInvalidArgument);
}

TEST(Pipeline, refuses_settings_that_are_unknown_or_out_of_range) {
  const std::vector<std::pair<Json, std::string>> cases{
      {Json::array(), "must be an object"},
      {Json::object(), "\"type\""},
      {{{"type", "token"}}, "did you mean \"tokens\"?"},
      {{{"type", "tokens"}, {"vocabluary", 10}}, "did you mean \"vocabulary\"?"},
      {{{"type", "tokens"}, {"vocabulary", 1}}, "\"vocabulary\" is 1; give 2 to 10000000"},
      {{{"type", "tokens"}, {"vocabulary", 2}, {"oov", "<OOV>"}}, "\"vocabulary\" is 2; give 3"},
      {{{"type", "tokens"}, {"vocabulary", 10'000'001}}, "\"vocabulary\""},
      {{{"type", "tokens"}, {"vocabulary", "many"}}, "\"vocabulary\" must be"},
      {{{"type", "tokens"}, {"length", 0}}, "\"length\" is 0; give 1 to 65536"},
      {{{"type", "tokens"}, {"length", 65'537}}, "\"length\""},
      {{{"type", "tokens"}, {"oov", ""}}, "\"oov\""},
      {{{"type", "tokens"}, {"filters", "\xFF"}}, "\"filters\""},
      {{{"type", "tokens"}, {"lower", 1}}, "\"lower\""},
      {{{"type", "tokens"}, {"level", "char"}}, "known: word, character"},
      {{{"type", "tokens"}, {"padding", "front"}}, "known: pre, post"},
      {{{"type", "tokens"}, {"truncating", "pos"}}, "did you mean \"post\"?"},
      {{{"type", "tfidf"}, {"ngram", 2}}, "did you mean \"ngrams\"?"},
      {{{"type", "tfidf"}, {"ngrams", 0}}, "\"ngrams\" is 0; give 1 to 8"},
      {{{"type", "tfidf"}, {"ngrams", 9}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", "2"}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", {3, 2}}}, "\"ngrams\" is [3,2]; give a whole number or"},
      {{{"type", "tfidf"}, {"ngrams", {0, 2}}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", {1, 9}}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", {1, 2, 3}}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", {1.5, 2}}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"ngrams", Json::array()}}, "\"ngrams\""},
      {{{"type", "tfidf"}, {"analyzer", "char"}}, "known: word, char_wb"},
      {{{"type", "tfidf"}, {"min_df", 0}}, "\"min_df\""},
      {{{"type", "tfidf"}, {"min_df", 1.0}}, "\"min_df\""},
      {{{"type", "tfidf"}, {"min_df", "2"}}, "\"min_df\""},
      {{{"type", "tfidf"}, {"features_max", 0}}, "\"features_max\""},
      {{{"type", "tfidf"}, {"length", 5}}, "\"length\""},
  };
  for (const auto& [step, part] : cases) {
    const Error error = setting_error(step);
    EXPECT_EQ(error.code, Code::kInvalidArgument) << error.message;
    EXPECT_TRUE(contains(error.message, part)) << error.message;
  }
}

TEST(Pipeline, treats_null_settings_as_left_out) {
  const Json step{
      {"type", "tokens"}, {"vocabulary", nullptr}, {"oov", nullptr}, {"length", nullptr}, {"lower", nullptr}};
  const auto pipeline = Pipeline::fit({"body", "", step}, mail_table());
  ASSERT_TRUE(pipeline.has_value()) << pipeline.error().message;
  EXPECT_EQ(pipeline->outputs()[0].shape, (Shape{-1, 4})) << "as long as the longest training text";
}

TEST(Pipeline, refuses_columns_of_another_count_dtype_or_shape) {
  const auto pipeline = Pipeline::fit({"body", "label", kTokens}, mail_table());
  const Tensor numbers(DType::kInt32, {2});
  const Tensor wide = Tensor::of_strings({1, 2}, {"a", "b"});
  const Tensor good = Tensor::of_strings({2, 1}, {"a", "b"});
  EXPECT_EQ(pipeline->transform({}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(pipeline->transform(std::vector<TensorView>{numbers}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(pipeline->transform(std::vector<TensorView>{wide}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(pipeline->transform(std::vector<TensorView>{good, good}).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(pipeline->transform(std::vector<TensorView>{good}).has_value());
}

TEST(Pipeline, refuses_a_text_beyond_the_limit) {
  const auto pipeline = Pipeline::fit({"body", "label", kTokens}, mail_table());
  const Tensor largest = Tensor::of_strings({1}, {std::string(limits::kTextBytesMax, 'x')});
  const Tensor larger = Tensor::of_strings({1}, {std::string(limits::kTextBytesMax + 1, 'x')});
  EXPECT_TRUE(pipeline->transform(std::vector<TensorView>{largest}).has_value());
  EXPECT_EQ(pipeline->transform(std::vector<TensorView>{larger}).error().code, Code::kResourceExhausted);
}

TEST(Pipeline, text_tensor_writes_other_types_as_text_and_missing_cells_as_empty) {
  EXPECT_EQ(text_tensor({"n", std::vector<std::int64_t>{7, 0}, {0, 1}}).strings(), (Strings{"7", ""}));
  EXPECT_EQ(text_tensor({"b", std::vector<std::uint8_t>{1}, {}}).strings(), Strings{"true"});
  const Tensor texts = text_tensor({"s", Strings{"a", "b"}, {}});
  EXPECT_EQ(texts.shape(), Shape{2});
  EXPECT_EQ(texts.dtype(), DType::kString);
}

TEST(PipelineJson, refuses_what_is_not_a_pipeline) {
  for (const std::string& json : Strings{"", "[]", "{}", "null", "{\"format\":", "{\"format\":\"other\"}",
                                         "\xFF", std::string(1000, '[') + std::string(1000, ']')})
    EXPECT_EQ(read_error(json).code, Code::kInvalidArgument) << json.substr(0, 40);
  const std::string good = Pipeline::fit({"body", "label", kTokens}, mail_table())->to_json();
  EXPECT_EQ(read_error(good + "x").code, Code::kInvalidArgument);
  EXPECT_EQ(read_error(good.substr(0, good.size() - 1)).code, Code::kInvalidArgument);
}

TEST(PipelineJson, reads_files_from_before_there_were_analyzers) {
  const std::string now = Pipeline::fit({"body", "label", kTfidf}, mail_table())->to_json();
  Json before = Json::parse(now);
  before["step"].erase("analyzer");
  before["step"]["ngrams"] = 2;
  const auto read = Pipeline::from_json(before.dump());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->to_json(), now);
}

TEST(PipelineJson, says_when_the_format_is_newer) {
  Json document = Json::parse(Pipeline::fit({"body", "label", kTokens}, mail_table())->to_json());
  document["format_version"] = 2;
  document["new_key"] = true;
  EXPECT_TRUE(contains(read_error(document.dump()).message, "format version 2"));
}

TEST(PipelineJson, refuses_parts_that_are_missing_wrong_or_do_not_fit_together) {
  const std::vector<std::pair<std::string, Json>> changes{{"text", nullptr},
                                                          {"target", 1},
                                                          {"labels", {"a"}},
                                                          {"labels", {"a", "a"}},
                                                          {"labels", {"a", 1}},
                                                          {"labels", Json::array()},
                                                          {"target", ""},
                                                          {"step", "tfidf"},
                                                          {"step", {{"type", "tfidf"}, {"ngrams", 9}}},
                                                          {"step", {{"type", "tokens"}}},
                                                          {"terms", Json::array()},
                                                          {"terms", {"aa", "aa"}},
                                                          {"terms", {1, 2}},
                                                          {"terms", {"aa"}},
                                                          {"text_counts", {1, 2}},
                                                          {"texts", -1},
                                                          {"texts", 0},
                                                          {"texts", 5'000'000'000},
                                                          {"frequent", {1000}},
                                                          {"frequent", {-1}},
                                                          {"frequent", {1.5}},
                                                          {"frequent", std::vector<int>(48, 0)},
                                                          {"extra", 1}};
  const Json good = Json::parse(Pipeline::fit({"body", "label", kTfidf}, mail_table())->to_json());
  for (const auto& [key, value] : changes) {
    Json document = good;
    document[key] = value;
    EXPECT_EQ(read_error(document.dump()).code, Code::kInvalidArgument) << key << " " << value;
  }
  for (const auto& [key, value] : good.items()) {
    Json document = good;
    document.erase(key);
    EXPECT_EQ(read_error(document.dump()).code, Code::kInvalidArgument) << key;
  }
}

TEST(PipelineJson, refuses_token_vocabularies_that_do_not_fit_their_settings) {
  const Json good = Json::parse(Pipeline::fit({"body", "label", kTokens}, mail_table())->to_json());
  const std::vector<std::pair<Json::json_pointer, Json>> changes{{"/step/length"_json_pointer, nullptr},
                                                                 {"/step/vocabulary"_json_pointer, 3},
                                                                 {"/words"_json_pointer, {"<OOV>", "a"}},
                                                                 {"/words"_json_pointer, Json::array()}};
  for (const auto& [at, value] : changes) {
    Json document = good;
    document[at] = value;
    EXPECT_EQ(read_error(document.dump()).code, Code::kInvalidArgument) << at << " " << value;
  }
}

TEST(PipelineJson, refuses_a_document_beyond_the_limit) {
  EXPECT_EQ(read_error(std::string(limits::kDocumentBytesMax + 1, ' ')).code, Code::kResourceExhausted);
}

}  // namespace
}  // namespace amas::features
