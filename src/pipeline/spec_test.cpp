#include "pipeline/spec.h"

#include <gtest/gtest.h>

namespace amas::pipeline {
namespace {

constexpr const char* kSmallest = "name: spam\ndata: {source: mail.csv}\n";

TEST(Spec, fills_in_what_is_left_out) {
  const auto spec = parse_spec(kSmallest, "/folder");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->source.path, "/folder/mail.csv");
  EXPECT_EQ(spec->target, "label");
  EXPECT_EQ(spec->deploy_as, "spam");
  ASSERT_EQ(spec->candidates.size(), 2u);
  EXPECT_EQ(spec->candidates[0].type, "lstm");
  EXPECT_EQ(spec->candidates[0].settings["padding"], "pre");
  EXPECT_EQ(spec->candidates[0].settings["mask"], false);
  EXPECT_EQ(spec->candidates[1].text_step["type"], "tfidf");
  EXPECT_EQ(spec->train["seed"], 7);
  EXPECT_FALSE(spec->refit);
  EXPECT_TRUE(spec->warnings.empty());
}

TEST(Spec, warns_about_padding_behind_without_a_mask_and_masks_unless_told_otherwise) {
  const auto told = parse_spec(
      std::string(kSmallest) + "model: {candidates: [{type: lstm, padding: post, mask: false}]}\n", ".");
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_EQ(told->warnings.size(), 1u);
  const auto untold =
      parse_spec(std::string(kSmallest) + "model: {candidates: [{type: lstm, padding: post}]}\n", ".");
  ASSERT_TRUE(untold) << untold.error().message;
  EXPECT_EQ(untold->candidates[0].settings["mask"], true);
  EXPECT_TRUE(untold->warnings.empty());
  EXPECT_FALSE(parse_spec(std::string(kSmallest) + "model: {candidates: [{type: lstm, mask: true}]}\n", "."));
  EXPECT_FALSE(parse_spec(
      std::string(kSmallest) + "model: {candidates: [{type: lstm, oov: null, word_dropout: 0.1}]}\n", "."));
  EXPECT_TRUE(
      parse_spec(std::string(kSmallest) + "model: {candidates: [{type: lstm, word_dropout: 0.1}]}\n", "."));
}

TEST(Spec, warns_about_settings_of_nets_where_no_candidate_is_one) {
  const std::string train = "train:\n  metric: accuracy\n  patience: 3\n  epochs: 4\n";
  const auto linear =
      parse_spec(std::string(kSmallest) + "model: {candidates: [{type: linear}]}\n" + train, ".");
  ASSERT_TRUE(linear) << linear.error().message;
  ASSERT_EQ(linear->warnings.size(), 1u);
  EXPECT_TRUE(linear->warnings[0].starts_with("line 7: without effect")) << linear->warnings[0];
  EXPECT_NE(linear->warnings[0].find(": train.epochs, train.patience;"), std::string::npos)
      << linear->warnings[0];
  EXPECT_TRUE(parse_spec(kSmallest + train, ".")->warnings.empty());  // there is an lstm, too
  const auto plain = parse_spec(
      std::string(kSmallest) + "model: {candidates: [{type: linear}]}\ntrain: {metric: accuracy}\n", ".");
  EXPECT_TRUE(plain->warnings.empty());
}

TEST(Spec, keeps_the_refit_apart_from_what_the_choosing_training_depends_on) {
  const auto without = parse_spec(kSmallest, ".");
  const auto with = parse_spec(std::string(kSmallest) + "train: {refit: on}\n", ".");
  ASSERT_TRUE(with) << with.error().message;
  EXPECT_TRUE(with->refit);
  EXPECT_EQ(with->train, without->train);
  EXPECT_FALSE(parse_spec(std::string(kSmallest) + "train: {refit: twice}\n", "."));
}

TEST(Spec, tells_candidates_of_one_type_apart) {
  const auto spec = parse_spec(
      std::string(kSmallest) + "model: {candidates: [{type: linear}, {type: linear, ngrams: 1}]}\n", ".");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->candidates[0].name, "linear");
  EXPECT_EQ(spec->candidates[1].name, "linear-2");
}

TEST(Spec, passes_the_analyzer_and_either_kind_of_ngrams_to_the_preparation) {
  const auto spec = parse_spec(std::string(kSmallest) +
                                   "model: {candidates: [{type: linear, analyzer: char_wb, ngrams: [3, 5]}, "
                                   "{type: linear}, {type: linear, analyzer: char_wb, ngrams: null}]}\n",
                               ".");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->candidates[0].text_step["analyzer"], "char_wb");
  EXPECT_EQ(spec->candidates[0].text_step["ngrams"], Json({3, 5}));
  EXPECT_EQ(spec->candidates[1].text_step["analyzer"], "word");
  EXPECT_EQ(spec->candidates[1].text_step["ngrams"], 2);
  EXPECT_EQ(spec->candidates[2].text_step["ngrams"], 3);
}

TEST(Spec, says_where_an_unknown_key_stands_and_which_was_meant) {
  const auto spec = parse_spec(std::string(kSmallest) + "train:\n  epoch: 3\n", ".");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code, Code::kInvalidArgument);
  EXPECT_NE(spec.error().message.find("line 4"), std::string::npos) << spec.error().message;
  EXPECT_NE(spec.error().message.find("did you mean \"epochs\"?"), std::string::npos) << spec.error().message;
}

TEST(Spec, names_the_nearest_key_of_every_section_with_its_line) {
  const auto expect = [](const std::string& more, const std::string& line, const std::string& key) {
    const auto spec = parse_spec("name: x\n" + more, ".");
    ASSERT_FALSE(spec) << more;
    EXPECT_TRUE(spec.error().message.starts_with(line)) << spec.error().message;
    EXPECT_NE(spec.error().message.find("did you mean \"" + key + "\"?"), std::string::npos)
        << spec.error().message;
  };
  expect("data:\n  source: a.csv\n  split:\n    seeed: 3\n", "line 5: data.split.seeed", "seed");
  expect("data:\n  source: a.csv\n  clean: {duplicate: keep}\n", "line 4: data.clean.duplicate",
         "duplicates");
  expect("data:\n  source: a.csv\n  features: {txt: b}\n", "line 4: data.features.txt", "text");
  const std::string data = "data: {source: a.csv}\n";
  expect(data + "model:\n  candidates:\n    - {type: lstm}\n    - type: linear\n      ngram: 3\n",
         "line 7: model.candidates[1].ngram", "ngrams");
  expect(data + "deploy: {tenant: a}\n", "line 3: deploy.tenant", "tenants");
  expect(data + "optimise: {method: int8}\n", "line 3: optimise.method", "methods");
  expect(data + "monitor: {drfit: on}\n", "line 3: monitor.drfit", "drift");
}

TEST(Spec, refuses_settings_that_cannot_be) {
  for (const char* more :
       {"train: {epochs: 0}", "train: {metric: acuracy}", "data2: 1", "model: {candidates: [{type: forest}]}",
        "model: {candidates: [{type: lstm, units: 100000}]}", "optimise: {methods: [magic]}",
        "model: {candidates: [{type: linear, ngrams: [3, 2]}]}",
        "model: {candidates: [{type: linear, ngrams: 9}]}",
        "model: {candidates: [{type: linear, analyzer: char}]}",
        "model: {candidates: [{type: linear, c: nan}]}", "model: {candidates: [{type: linear, c: -1}]}",
        "model: {candidates: [{type: linear, c: [2, 1]}]}", "model: {candidates: [{type: linear, c: []}]}",
        "train: {time_limit: nanm}", "deploy: {as: \"a/b\"}", "train: {time_limit: soon}",
        "monitor: {drift: off}", "deploy: {tenants: [other]}", "deploy: {tenants: []}"}) {
    const auto spec = parse_spec(std::string(kSmallest) + more + "\n", ".");
    EXPECT_FALSE(spec) << more;
    EXPECT_EQ(spec.error().code, Code::kInvalidArgument) << more;
  }
  EXPECT_FALSE(parse_spec("name: ../x\ndata: {source: a.csv}\n", "."));
  EXPECT_FALSE(parse_spec("name: x\ndata: {source: a.csv, split: {valid: 0.5, test: 0.6}}\n", "."));
  EXPECT_FALSE(parse_spec("name: x\n", "."));
}

TEST(Spec, refuses_the_target_as_the_text) {
  const auto spec =
      parse_spec("name: x\ndata:\n  source: a.csv\n  target: body\n  features: {text: body}\n", ".");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().code, Code::kInvalidArgument);
  EXPECT_TRUE(spec.error().message.starts_with("line 5: data.features.text is the target itself"))
      << spec.error().message;
  EXPECT_FALSE(parse_spec("name: x\ndata: {source: a.csv, features: {text: label}}\n", "."));
}

TEST(Spec, reads_the_examples) {
  for (const char* file : {"/examples/spam.yaml", "/examples/text_classifier.yaml"}) {
    const auto spec = read_spec(std::string(AMAS_SOURCE_DIR) + file);
    ASSERT_TRUE(spec) << spec.error().message;
  }
  EXPECT_EQ(read_spec("/no/such/spec.yaml").error().code, Code::kNotFound);
}

}  // namespace
}  // namespace amas::pipeline
