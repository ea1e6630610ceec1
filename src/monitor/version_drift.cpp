#include "monitor/version_drift.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace amas::monitor {
namespace {

// Tokens that a text of the reference counts for on average.
double mean_tokens(const model::Profile& profile) {
  const model::Histogram& tokens = profile.tokens;
  double sum = 0;
  for (std::size_t bin = 0; bin < tokens.counts.size(); ++bin) {
    const double middle = (tokens.edges[bin] + tokens.edges[bin + 1]) / 2;
    sum += static_cast<double>(tokens.counts[bin]) *
           (profile.token_cap > 0 ? std::min(middle, profile.token_cap) : middle);
  }
  return sum / static_cast<double>(std::max<std::uint64_t>(tokens.total(), 1));
}

// Words of one text belong together, so that chance gives more than for as many independent words. The
// profile has measured it, as the distance of two samples of 200 rows; where it could not, independent words
// are the least it is.
DriftReference words_reference(const model::Profile& profile) {
  constexpr double kNoiseRows = 200;
  // On mail the divergences of 100 to 500 rows spread like chi-square of 18 to 35 degrees of freedom about
  // their mean; fewer allow for more.
  constexpr double kFreedom = 10;
  const double measured = profile.token_noise * profile.token_noise * kNoiseRows / 2;
  const double independent = (static_cast<double>(features::kTokenBuckets) - 1) / (8 * std::numbers::ln2) /
                             std::max(1.0, mean_tokens(profile));
  std::vector<double> weights(profile.token_buckets.begin(), profile.token_buckets.end());
  const bool any = std::ranges::any_of(weights, [](double weight) { return weight > 0; });
  return {"words", std::move(weights), any ? static_cast<double>(profile.rows) : 0,
          std::max(measured, independent), kFreedom};
}

std::optional<DriftStatistic> make_statistic(DriftReference reference, const DriftBounds& bounds) {
  if (!reference.usable()) return std::nullopt;
  return DriftStatistic(std::move(reference), bounds);
}

}  // namespace

std::optional<VersionDrift::Binned> VersionDrift::make_binned(const char* name, const model::Histogram& bins,
                                                              const DriftBounds& bounds) {
  if (bins.total() == 0) return std::nullopt;
  std::vector<std::uint16_t> cells = join_thin_bins(bins.counts);
  std::vector<double> weights(cells.back() + std::size_t{1});
  for (std::size_t bin = 0; bin < cells.size(); ++bin)
    weights[cells[bin]] += static_cast<double>(bins.counts[bin]);
  auto statistic = make_statistic(row_reference(name, std::move(weights)), bounds);
  if (!statistic) return std::nullopt;
  return Binned{bins, std::move(cells), *std::move(statistic)};
}

VersionDrift::VersionDrift(const model::Profile& profile, std::size_t classes, const DriftBounds& bounds)
    : length_(make_binned("text_length", profile.characters, bounds)),
      unknown_(make_binned("unknown_words", profile.unknown_share, bounds)),
      score_(make_binned("scores", profile.score, bounds)),
      words_(make_statistic(words_reference(profile), bounds)),
      classes_(classes != 0 ? classes : profile.label_shares.size()),
      token_cap_(profile.token_cap) {
  // With two classes the predicted label says no more than the score does.
  if (classes_ > 2 && classes_ == profile.label_shares.size()) {
    std::vector<double> counts = profile.label_shares;
    for (double& share : counts) share *= static_cast<double>(profile.score.total());
    labels_ = make_statistic(row_reference("labels", std::move(counts)), bounds);
  }
}

void VersionDrift::add_texts(std::span<const features::TextObservation> observed) {
  for (const features::TextObservation& text : observed) {
    if (length_) length_->add(text.characters);
    if (unknown_) unknown_->add(text.tokens == 0 ? 0.0 : static_cast<double>(text.unknown) / text.tokens);
    if (!words_) continue;
    const auto weight = static_cast<float>(model::text_weight(text, token_cap_));
    const std::span<float> pane = words_->pane();
    for (std::size_t i = 0; i < text.buckets.size(); ++i)
      pane[i] += weight * static_cast<float>(text.buckets[i]);
    words_->end_row();
  }
}

void VersionDrift::add_scores(std::span<const float> scores, std::size_t classes) {
  if (classes == 0 || (classes_ != 0 && classes != classes_)) return;
  for (; scores.size() >= classes; scores = scores.subspan(classes)) {
    const std::span<const float> row = scores.first(classes);
    if (score_) score_->add(row.back());
    if (!labels_) continue;
    labels_->add(static_cast<std::size_t>(std::ranges::max_element(row) - row.begin()));
    labels_->end_row();
  }
}

std::vector<DriftFinding> VersionDrift::findings() const {
  std::vector<DriftFinding> findings;
  if (length_) findings.push_back(length_->statistic.finding());
  if (unknown_) findings.push_back(unknown_->statistic.finding());
  if (words_) findings.push_back(words_->finding());
  if (score_) findings.push_back(score_->statistic.finding());
  if (labels_) findings.push_back(labels_->finding());
  return findings;
}

}  // namespace amas::monitor
