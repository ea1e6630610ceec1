#include "model/profile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

namespace amas::model {
namespace {

using features::TextObservation;

/// Texts of 50 to 149 characters and 10 to 29 tokens, each token in one of the buckets with equal chance.
std::vector<TextObservation> random_texts(std::size_t rows, std::size_t buckets) {
  std::mt19937 random(5);
  std::vector<TextObservation> texts(rows);
  for (TextObservation& text : texts) {
    text.characters = static_cast<std::uint32_t>(50 + random() % 100);
    text.tokens = static_cast<std::uint32_t>(10 + random() % 20);
    text.unknown = text.tokens / 10;
    for (std::uint32_t i = 0; i < text.tokens; ++i) ++text.buckets[random() % buckets];
  }
  return texts;
}

TEST(Histogram, puts_values_beyond_its_ends_into_the_first_and_last_bin) {
  const Histogram histogram{{0, 1, 10, 20}, {5, 6, 7}};
  EXPECT_EQ(histogram.bin(-5), 0U);
  EXPECT_EQ(histogram.bin(0), 0U);
  EXPECT_EQ(histogram.bin(0.999), 0U);
  EXPECT_EQ(histogram.bin(1), 1U);
  EXPECT_EQ(histogram.bin(19.9), 2U);
  EXPECT_EQ(histogram.bin(20), 2U);
  EXPECT_EQ(histogram.bin(1e300), 2U);
  EXPECT_EQ(histogram.total(), 18U);
}

TEST(JensenShannon, has_the_values_of_its_definition) {
  const std::vector<double> left{1, 0}, right{0, 4}, even{2, 2}, none{0, 0};
  EXPECT_DOUBLE_EQ(jensen_shannon_distance(left, right), 1);
  EXPECT_DOUBLE_EQ(jensen_shannon_distance(even, even), 0);
  EXPECT_DOUBLE_EQ(jensen_shannon_distance(none, even), 0);
  // scipy.spatial.distance.jensenshannon([1, 0], [.5, .5], 2)
  EXPECT_NEAR(jensen_shannon_distance(left, even), 0.5579230452841438, 1e-12);
}

TEST(MakeProfile, spreads_reference_values_evenly_and_leaves_the_outer_bins_empty) {
  const auto texts = random_texts(1000, 40);
  const Profile profile = make_profile(texts, {}, 2);
  EXPECT_EQ(profile.rows, 1000U);
  for (const Histogram* histogram : {&profile.characters, &profile.tokens, &profile.unknown_share})
    EXPECT_EQ(histogram->total(), 1000U);
  ASSERT_EQ(profile.characters.counts.size(), 12U);
  EXPECT_EQ(profile.characters.counts.front(), 0U);
  EXPECT_EQ(profile.characters.counts.back(), 0U);
  for (std::size_t i = 1; i + 1 < 12; ++i)
    EXPECT_NEAR(static_cast<double>(profile.characters.counts[i]), 100, 20);
  EXPECT_EQ(profile.characters.bin(49), 0U);
  EXPECT_EQ(profile.characters.bin(150), 11U);
}

TEST(MakeProfile, keeps_a_bin_for_what_constant_reference_values_never_showed) {
  std::vector<TextObservation> texts(50);
  for (auto& text : texts) text = {.characters = 7, .tokens = 0, .unknown = 0, .buckets = {}};
  const Profile profile = make_profile(texts, {}, 1);
  EXPECT_EQ(profile.characters.counts, (std::vector<std::uint64_t>{0, 50, 0}));
  EXPECT_EQ(profile.tokens.counts, (std::vector<std::uint64_t>{50, 0}));
  EXPECT_EQ(profile.unknown_share.counts, (std::vector<std::uint64_t>{50, 0}));
  EXPECT_EQ(profile.unknown_share.bin(0.01), 1U);
  EXPECT_EQ(profile.token_noise, 0);
}

TEST(MakeProfile, counts_tokens_scores_and_labels) {
  std::vector<TextObservation> texts(2);
  texts[0].buckets[0] = 3;
  texts[1].buckets[63] = 1;
  const std::vector<float> scores{0.9F, 0.1F, 0.2F, 0.8F, 0.0F, 1.0F, 0.45F, 0.55F};
  const Profile profile = make_profile(texts, scores, 2);
  EXPECT_DOUBLE_EQ(profile.token_buckets[0], 0.75);
  EXPECT_DOUBLE_EQ(profile.token_buckets[63], 0.25);
  EXPECT_EQ(profile.label_shares, (std::vector<double>{0.25, 0.75}));
  EXPECT_EQ(profile.score.total(), 4U);
  EXPECT_EQ(profile.score.counts[2], 1U);
  EXPECT_EQ(profile.score.counts[19], 1U);
}

TEST(MakeProfile, measures_the_noise_that_chance_alone_gives) {
  // Two samples of n tokens over k equally likely buckets differ by about sqrt((k - 1) / (4 n ln 2)): the
  // divergence's second-order expansion is a chi-square with k - 1 degrees of freedom. Samples of 200 texts
  // hold 3,900 tokens.
  const double expected = std::sqrt(39 / (4 * 3900 * std::log(2.0)));
  EXPECT_NEAR(make_profile(random_texts(2000, 40), {}, 1).token_noise, expected, 0.15 * expected);
  EXPECT_NEAR(make_profile(random_texts(200, 40), {}, 1).token_noise, expected, 0.3 * expected);
}

TEST(MakeProfile, lets_no_long_text_outweigh_the_others) {
  // 90 texts of ten tokens of bucket 1 and 10 of ten thousand tokens of bucket 2: nearly all tokens are those
  // of the long ones, but a text counts for ten at most.
  std::vector<TextObservation> texts(100);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool is_long = i % 10 == 0;
    texts[i].tokens = is_long ? 10'000 : 10;
    texts[i].buckets[is_long ? 2 : 1] = is_long ? 10'000 : 10;
  }
  const Profile profile = make_profile(texts, {}, 1);
  EXPECT_EQ(profile.token_cap, 10);
  EXPECT_DOUBLE_EQ(profile.token_buckets[2], 0.1);
  EXPECT_DOUBLE_EQ(text_weight(texts[0], profile.token_cap), 0.001);
  EXPECT_EQ(text_weight(texts[1], profile.token_cap), 1);
  EXPECT_EQ(text_weight(texts[0], 0), 1) << "no cap";
}

TEST(Profile, without_a_cap_is_of_an_earlier_version_and_has_none) {
  Json document = *parse_json(to_json(make_profile(random_texts(30, 64), {}, 2)));
  EXPECT_GT(document["token_cap"], 0);
  document.erase("token_cap");
  EXPECT_EQ(profile_from_json(dump_json(document))->token_cap, 0);
}

TEST(MakeProfile, accepts_no_rows) {
  const Profile profile = make_profile({}, {}, 2);
  EXPECT_EQ(profile.rows, 0U);
  EXPECT_TRUE(profile_from_json(to_json(profile)));
}

TEST(Profile, reads_back_what_was_written) {
  const std::vector<float> scores(600, 0.5F);
  const Profile profile = make_profile(random_texts(300, 64), scores, 2);
  const std::string text = to_json(profile);
  const auto read = profile_from_json(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
  EXPECT_EQ(read->characters.edges, profile.characters.edges);
  EXPECT_EQ(read->token_buckets, profile.token_buckets);
}

TEST(Profile, refuses_malformed_documents_naming_the_key) {
  const Json good = *parse_json(to_json(make_profile(random_texts(30, 64), {}, 2)));
  for (const auto& [key, value] : good.items()) {
    if (key == "token_cap") continue;
    Json bad = good;
    bad.erase(key);
    const auto read = profile_from_json(dump_json(bad));
    ASSERT_FALSE(read) << key;
    EXPECT_NE(read.error().message.find(key), std::string::npos);
  }
  Json descending = good;
  descending["tokens"]["edges"][1] = -1;
  EXPECT_EQ(profile_from_json(dump_json(descending)).error().code, Code::kInvalidArgument);
  Json few = good;
  few["token_buckets"] = {0.5, 0.5};
  EXPECT_EQ(profile_from_json(dump_json(few)).error().code, Code::kInvalidArgument);
  Json beyond = good;
  beyond["label_shares"] = {1.5};
  EXPECT_EQ(profile_from_json(dump_json(beyond)).error().code, Code::kInvalidArgument);
  Json newer = good;
  newer["format_version"] = 2;
  EXPECT_EQ(profile_from_json(dump_json(newer)).error().code, Code::kInvalidArgument);
  EXPECT_EQ(profile_from_json("[").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas::model
