#include "model/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace amas::model {
namespace {

using features::TextObservation;
using Buckets = std::array<double, features::kTokenBuckets>;

constexpr std::int32_t kProfileVersion = 1;
constexpr std::size_t kNoiseRows = 200;
constexpr std::size_t kNoiseDraws = 31;

Histogram count(std::vector<double> edges, std::span<const double> values) {
  Histogram histogram;
  histogram.counts.resize(edges.size() - 1);
  histogram.edges = std::move(edges);
  for (const double value : values) ++histogram.counts[histogram.bin(value)];
  return histogram;
}

/// Edges at 0, the least value, the deciles, just above the largest value, and `end(largest)`, each once.
template <class Next, class End>
Histogram quantile_histogram(std::vector<double> values, Next just_above, End end) {
  if (values.empty()) return count({0, 1}, {});
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  std::vector<double> edges{0};
  for (std::size_t decile = 0; decile < 10; ++decile) edges.push_back(sorted[decile * sorted.size() / 10]);
  edges.push_back(just_above(sorted.back()));
  edges.push_back(end(sorted.back()));
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return count(std::move(edges), values);
}

Histogram count_histogram(const std::vector<double>& values) {
  return quantile_histogram(
      values, [](double v) { return v + 1; }, [](double v) { return 2 * (v + 1); });
}

Histogram share_histogram(const std::vector<double>& values) {
  return quantile_histogram(
      values, [](double v) { return std::nextafter(v, 2.0); },
      [](double v) { return v < 1 ? 1.0 : std::nextafter(v, 2.0); });
}

// The least value that three quarters do not exceed; 1 at least.
double upper_quartile(std::vector<double> values) {
  if (values.empty()) return 1;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(3 * (values.size() - 1) / 4);
  std::ranges::nth_element(values, at);
  return std::max(1.0, *at);
}

void add_buckets(const TextObservation& text, double token_cap, Buckets& sums) {
  const double weight = text_weight(text, token_cap);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * text.buckets[i];
}

/// Texts to draw samples from.
struct Draws {
  std::span<const TextObservation> observed;
  double token_cap;
  std::vector<std::size_t> order;  ///< is shuffled
  std::mt19937_64 random{kNoiseRows};
};

/// The distance of two disjoint samples of `sample` rows each.
double draw_distance(Draws& draws, std::size_t sample) {
  auto& [observed, token_cap, order, random] = draws;
  for (std::size_t i = 0; i < 2 * sample; ++i) std::swap(order[i], order[i + random() % (order.size() - i)]);
  Buckets left{}, right{};
  for (std::size_t i = 0; i < sample; ++i) {
    add_buckets(observed[order[i]], token_cap, left);
    add_buckets(observed[order[sample + i]], token_cap, right);
  }
  return jensen_shannon_distance(left, right);
}

double noise_of(std::span<const TextObservation> observed, double token_cap) {
  const std::size_t sample = std::min(kNoiseRows, observed.size() / 2);
  if (sample == 0) return 0;
  Draws draws{observed, token_cap, std::vector<std::size_t>(observed.size())};
  std::iota(draws.order.begin(), draws.order.end(), 0U);
  std::array<double, kNoiseDraws> distances{};
  for (double& distance : distances) distance = draw_distance(draws, sample);
  std::ranges::nth_element(distances, distances.begin() + kNoiseDraws / 2);
  // The distance of two samples of one distribution falls with the root of their size.
  return distances[kNoiseDraws / 2] * std::sqrt(static_cast<double>(sample) / kNoiseRows);
}

void add_scores(std::span<const float> scores, std::size_t classes, Profile& profile) {
  std::vector<double> last;
  profile.label_shares.assign(classes, 0);
  const std::size_t rows = scores.size() / classes;
  for (std::size_t row = 0; row < rows; ++row) {
    const auto of_row = scores.subspan(row * classes, classes);
    last.push_back(of_row.back());
    ++profile.label_shares[static_cast<std::size_t>(std::ranges::max_element(of_row) - of_row.begin())];
  }
  for (double& share : profile.label_shares) share /= static_cast<double>(std::max<std::size_t>(rows, 1));
  std::vector<double> edges;
  for (int i = 0; i <= 20; ++i) edges.push_back(i / 20.0);
  profile.score = count(std::move(edges), last);
}

Json histogram_to_json(const Histogram& histogram) {
  return {{"edges", histogram.edges}, {"counts", histogram.counts}};
}

Result<Histogram> read_histogram(const Json& document, std::string_view key) {
  AMAS_TRY(const Json object, json_field<Json>(document, key));
  Histogram histogram;
  AMAS_TRY(histogram.edges, json_array<double>(object, "edges"));
  AMAS_TRY(histogram.counts, json_array<std::uint64_t>(object, "counts"));
  if (histogram.counts.empty() || histogram.edges.size() != histogram.counts.size() + 1 ||
      std::ranges::adjacent_find(histogram.edges, std::greater_equal<>()) != histogram.edges.end())
    return invalid_argument(
        fmt::format("histogram is malformed: \"{}\" needs ascending edges, one more than counts", key));
  return histogram;
}

Result<std::vector<double>> read_shares(const Json& document, std::string_view key) {
  AMAS_TRY(auto shares, json_array<double>(document, key));
  for (const double share : shares)
    if (!(share >= 0 && share <= 1))
      return invalid_argument(fmt::format("share is outside [0,1]: \"{}\"", key));
  return shares;
}

}  // namespace

std::size_t Histogram::bin(double value) const {
  const auto after = std::upper_bound(edges.begin(), edges.end(), value);
  const auto index = after - edges.begin() - 1;
  return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(index, 0, std::ssize(counts) - 1));
}

std::uint64_t Histogram::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

double text_weight(const TextObservation& text, double token_cap) {
  const auto tokens = static_cast<double>(text.tokens);
  return token_cap > 0 && tokens > token_cap ? token_cap / tokens : 1;
}

double jensen_shannon_distance(std::span<const double> left, std::span<const double> right) {
  const double left_sum = std::accumulate(left.begin(), left.end(), 0.0);
  const double right_sum = std::accumulate(right.begin(), right.end(), 0.0);
  if (left_sum <= 0 || right_sum <= 0) return 0;
  double divergence = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    const double p = left[i] / left_sum, q = right[i] / right_sum, mean = (p + q) / 2;
    if (p > 0) divergence += p * std::log2(p / mean) / 2;
    if (q > 0) divergence += q * std::log2(q / mean) / 2;
  }
  return std::sqrt(std::clamp(divergence, 0.0, 1.0));
}

Profile make_profile(std::span<const TextObservation> observed, std::span<const float> scores,
                     std::size_t classes) {
  Profile profile;
  profile.rows = observed.size();
  std::vector<double> characters, tokens, unknown;
  for (const TextObservation& text : observed) {
    characters.push_back(text.characters);
    tokens.push_back(text.tokens);
    unknown.push_back(text.tokens == 0 ? 0.0 : static_cast<double>(text.unknown) / text.tokens);
  }
  profile.characters = count_histogram(characters);
  profile.tokens = count_histogram(tokens);
  profile.token_cap = upper_quartile(tokens);
  for (const TextObservation& text : observed) add_buckets(text, profile.token_cap, profile.token_buckets);
  profile.unknown_share = share_histogram(unknown);
  const double all = std::accumulate(profile.token_buckets.begin(), profile.token_buckets.end(), 0.0);
  for (double& share : profile.token_buckets) share = all > 0 ? share / all : 0.0;
  profile.token_noise = noise_of(observed, profile.token_cap);
  add_scores(scores, classes, profile);
  return profile;
}

std::string to_json(const Profile& profile) {
  const Json document = {{"format_version", kProfileVersion},
                         {"rows", profile.rows},
                         {"characters", histogram_to_json(profile.characters)},
                         {"tokens", histogram_to_json(profile.tokens)},
                         {"unknown_share", histogram_to_json(profile.unknown_share)},
                         {"token_cap", profile.token_cap},
                         {"token_buckets", profile.token_buckets},
                         {"token_noise", profile.token_noise},
                         {"score", histogram_to_json(profile.score)},
                         {"label_shares", profile.label_shares}};
  return dump_json(document, 1) + "\n";
}

Result<Profile> profile_from_json(std::string_view text) {
  AMAS_TRY(const Json document, parse_json(text));
  AMAS_TRY(const auto version, json_field<std::int32_t>(document, "format_version"));
  if (version != kProfileVersion)
    return invalid_argument(
        fmt::format("profile.json has another format: \"format_version\" is {}, not {}; update amas", version,
                    kProfileVersion));
  Profile profile;
  AMAS_TRY(profile.rows, json_field<std::uint64_t>(document, "rows"));
  AMAS_TRY(profile.characters, read_histogram(document, "characters"));
  AMAS_TRY(profile.tokens, read_histogram(document, "tokens"));
  AMAS_TRY(profile.unknown_share, read_histogram(document, "unknown_share"));
  AMAS_TRY(profile.token_cap, json_field_or<double>(document, "token_cap", 0));
  AMAS_TRY(const auto buckets, read_shares(document, "token_buckets"));
  if (buckets.size() != profile.token_buckets.size())
    return invalid_argument(fmt::format("JSON array has the wrong length: \"token_buckets\" has {}, not {}",
                                        buckets.size(), profile.token_buckets.size()));
  std::ranges::copy(buckets, profile.token_buckets.begin());
  AMAS_TRY(profile.token_noise, json_field<double>(document, "token_noise"));
  AMAS_TRY(profile.score, read_histogram(document, "score"));
  AMAS_TRY(profile.label_shares, read_shares(document, "label_shares"));
  return profile;
}

}  // namespace amas::model
