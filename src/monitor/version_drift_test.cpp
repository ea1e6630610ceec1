#include "monitor/version_drift.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

namespace amas::monitor {
namespace {

using features::kTokenBuckets;
using features::TextObservation;

// Mail as it comes: lengths from a few words to ten thousands, each text with a few words of its own over and
// over, and scores at both ends.
struct Traffic {
  double log_length = 5;       // mean of the logarithm of the number of words
  double unknown = 0.1;        // share of words that are not in the vocabulary
  std::size_t word_shift = 0;  // which buckets the frequent words fall into
  double positive = 0.3;       // share of texts that are scored near 1
};

struct Row {
  TextObservation text;
  std::array<float, 2> scores{};
};

Row draw(const Traffic& traffic, std::mt19937& random) {
  Row row;
  std::lognormal_distribution<double> length(traffic.log_length, 1.2);
  const double tokens = std::clamp(std::round(length(random)), 1.0, 30'000.0);
  row.text.tokens = static_cast<std::uint32_t>(tokens);
  row.text.characters = static_cast<std::uint32_t>(tokens * 5.5);
  std::gamma_distribution<double> unknown(traffic.unknown * 20, 1.0), known((1 - traffic.unknown) * 20, 1.0);
  const double unknown_part = unknown(random), known_part = known(random);
  row.text.unknown = static_cast<std::uint32_t>(tokens * unknown_part / (unknown_part + known_part));
  // Shares of words fall like 1/rank and vary from text to text.
  std::array<double, kTokenBuckets> weights{};
  double sum = 0;
  for (std::size_t i = 1; i < kTokenBuckets; ++i) {
    const std::size_t rank = 1 + (i + traffic.word_shift) % (kTokenBuckets - 1);
    sum += weights[i] = std::gamma_distribution<double>(0.5 + 20.0 / static_cast<double>(rank), 1.0)(random);
  }
  for (std::size_t i = 1; i < kTokenBuckets; ++i)
    row.text.buckets[i] = static_cast<std::uint16_t>(
        std::min(65'535.0, std::round((tokens - row.text.unknown) * weights[i] / sum)));
  row.text.buckets[0] = static_cast<std::uint16_t>(std::min(65'535u, row.text.unknown));
  const bool positive = std::bernoulli_distribution(traffic.positive)(random);
  const float certain = std::generate_canonical<float, 24>(random);
  row.scores[1] = positive ? 1 - certain * certain * 0.3f : certain * certain * 0.3f;
  row.scores[0] = 1 - row.scores[1];
  return row;
}

struct Rows {
  std::vector<TextObservation> texts;
  std::vector<float> scores;
};

Rows draw_rows(const Traffic& traffic, int count, std::mt19937& random) {
  Rows rows;
  for (int i = 0; i < count; ++i) {
    const Row row = draw(traffic, random);
    rows.texts.push_back(row.text);
    rows.scores.insert(rows.scores.end(), row.scores.begin(), row.scores.end());
  }
  return rows;
}

model::Profile profile_of(const Rows& rows) { return model::make_profile(rows.texts, rows.scores, 2); }

std::map<std::string, DriftFinding> by_name(const VersionDrift& drift) {
  std::map<std::string, DriftFinding> findings;
  for (const DriftFinding& finding : drift.findings()) findings[finding.statistic] = finding;
  return findings;
}

std::map<std::string, DriftFinding> judge(const Traffic& live, int rows, unsigned seed) {
  std::mt19937 random(seed);
  VersionDrift drift(profile_of(draw_rows({}, 600, random)), 2, {});
  const Rows seen = draw_rows(live, rows, random);
  drift.add_texts(seen.texts);
  drift.add_scores(seen.scores, 2);
  return by_name(drift);
}

// The worst state of each statistic over windows of normal rows: 10 references, each with windows of
// rows that are drawn with replacement from rows that the reference has not seen.
std::map<std::string, std::array<int, 4>> states_on_normal_rows(int windows_each) {
  std::map<std::string, std::array<int, 4>> states;
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::mt19937 random(seed);
    VersionDrift drift(profile_of(draw_rows({}, 600, random)), 2, {});
    const Rows live = draw_rows({}, 3'000, random);
    for (int window = 0; window < windows_each; ++window) {
      std::map<std::string, DriftState> worst;
      for (int row = 0; row < 500; ++row) {
        const std::size_t i = random() % live.texts.size();
        drift.add_texts(std::span(&live.texts[i], 1));
        drift.add_scores(std::span(&live.scores[2 * i], 2), 2);
        if (row % 25 == 24)
          for (const DriftFinding& finding : drift.findings())
            worst[finding.statistic] = std::max(worst[finding.statistic], finding.state);
      }
      for (const auto& [name, state] : worst) ++states[name][static_cast<std::size_t>(state)];
    }
  }
  return states;
}

TEST(VersionDrift, normal_rows_raise_no_alarm) {
  const auto states = states_on_normal_rows(50);
  EXPECT_EQ(states.size(), 4u);
  for (const auto& [name, counts] : states) EXPECT_EQ(counts[1], 500) << name;
}

TEST(VersionDrift, one_giant_text_is_no_drift) {
  std::mt19937 random(1);
  VersionDrift drift(profile_of(draw_rows({}, 600, random)), 2, {});
  Rows live = draw_rows({}, 500, random);
  TextObservation giant{.characters = 400'000, .tokens = 65'535, .unknown = 65'535};
  giant.buckets[0] = 65'535;
  live.texts[250] = giant;
  drift.add_texts(live.texts);
  for (const auto& [name, finding] : by_name(drift)) EXPECT_NE(finding.state, DriftState::kDrifted) << name;
  EXPECT_EQ(by_name(drift)["words"].state, DriftState::kSteady);
}

TEST(VersionDrift, long_texts_weigh_as_much_in_the_reference_as_in_traffic) {
  // A tenth of the texts are a thousand times as long as the others, and of other words. Normal traffic has
  // just as many.
  Rows rows;
  for (int i = 0; i < 500; ++i) {
    TextObservation text;
    const bool is_long = i % 10 == 0;
    text.tokens = is_long ? 20'000 : 20;
    text.characters = 5 * text.tokens;
    for (std::size_t bucket = is_long ? 32 : 1; bucket < (is_long ? 52u : 21u); ++bucket)
      text.buckets[bucket] = static_cast<std::uint16_t>(text.tokens / 20);
    rows.texts.push_back(text);
    rows.scores.insert(rows.scores.end(), {0.5f, 0.5f});
  }
  VersionDrift drift(profile_of(rows), 2, {});
  drift.add_texts(rows.texts);
  drift.add_scores(rows.scores, 2);
  for (const auto& [name, finding] : by_name(drift)) {
    EXPECT_EQ(finding.state, DriftState::kSteady) << name;
    EXPECT_NEAR(finding.effect, 0, 1e-6) << name;
  }
}

TEST(VersionDrift, a_shift_is_named_and_the_rest_is_steady) {
  const auto check = [](const Traffic& live, const std::string& shifted) {
    for (const auto& [name, finding] : judge(live, 500, 3)) {
      if (name == shifted) EXPECT_EQ(finding.state, DriftState::kDrifted) << name << " " << finding.effect;
      else EXPECT_EQ(finding.state, DriftState::kSteady) << name << " " << finding.effect;
    }
  };
  check({.log_length = 7}, "text_length");
  check({.word_shift = 20}, "words");
  check({.positive = 0.8}, "scores");
}

TEST(VersionDrift, texts_of_unknown_words_are_found_within_a_hundred_rows) {
  auto findings = judge({.unknown = 0.8}, 100, 4);
  EXPECT_EQ(findings["unknown_words"].state, DriftState::kDrifted);
  EXPECT_EQ(findings["words"].state, DriftState::kDrifted);
  EXPECT_EQ(findings["unknown_words"].rows, 100u);
}

TEST(VersionDrift, ninety_nine_rows_are_too_few) {
  for (const auto& [name, finding] : judge({.unknown = 0.8}, 99, 4))
    EXPECT_EQ(finding.state, DriftState::kLearning) << name;
}

TEST(VersionDrift, without_texts_in_the_profile_only_scores_are_judged) {
  std::mt19937 random(1);
  const Rows rows = draw_rows({}, 600, random);
  const VersionDrift drift(model::make_profile({}, rows.scores, 2), 2, {});
  ASSERT_EQ(drift.findings().size(), 1u);
  EXPECT_EQ(drift.findings()[0].statistic, "scores");
  EXPECT_TRUE(VersionDrift(model::Profile(), 2, {}).findings().empty());
}

TEST(VersionDrift, scores_of_other_classes_do_not_count) {
  std::mt19937 random(1);
  VersionDrift drift(profile_of(draw_rows({}, 600, random)), 2, {});
  drift.add_scores(std::vector<float>(3'000, 0.3f), 3);
  drift.add_scores({}, 0);
  EXPECT_EQ(by_name(drift)["scores"].rows, 0u);
}

TEST(VersionDrift, with_more_than_two_classes_the_mix_of_predicted_labels_is_judged_too) {
  std::mt19937 random(1);
  const auto scores = [&](std::vector<double> shares, int rows) {
    std::vector<float> all;
    std::discrete_distribution<std::size_t> label(shares.begin(), shares.end());
    for (int i = 0; i < rows; ++i) {
      std::array<float, 3> row{0.1f, 0.1f, 0.1f};
      row[label(random)] = 0.8f;
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  };
  VersionDrift drift(model::make_profile({}, scores({0.5, 0.3, 0.2}, 600), 3), 3, {});
  drift.add_scores(scores({0.5, 0.3, 0.2}, 500), 3);
  EXPECT_EQ(by_name(drift)["labels"].state, DriftState::kSteady);
  // The first two classes change places: the score of the last one does not move.
  drift.add_scores(scores({0.1, 0.7, 0.2}, 500), 3);
  EXPECT_EQ(by_name(drift)["labels"].state, DriftState::kDrifted);
  EXPECT_EQ(by_name(drift)["scores"].state, DriftState::kSteady);
}

TEST(VersionDrift, texts_that_are_empty_are_a_shift_of_length_alone) {
  std::mt19937 random(1);
  VersionDrift drift(profile_of(draw_rows({}, 600, random)), 2, {});
  drift.add_texts(std::vector<TextObservation>(500));
  EXPECT_EQ(by_name(drift)["text_length"].state, DriftState::kDrifted);
  EXPECT_EQ(by_name(drift)["words"].state, DriftState::kSteady);
}

}  // namespace
}  // namespace amas::monitor
