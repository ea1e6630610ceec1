#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "features/pipeline.h"

namespace amas::model {

/// A histogram with fixed edges: bin i counts values in [edges[i], edges[i+1]); values beyond the ends fall
/// into the first and last bin.
struct Histogram {
  std::vector<double> edges;  ///< ascending, one more than counts
  std::vector<std::uint64_t> counts;
  /// The bin of a value.
  std::size_t bin(double value) const;
  /// Sum of the counts.
  std::uint64_t total() const;
};

/// Reference statistics of a model's inputs and outputs: what normal traffic looks like. Input statistics
/// come from the validation rows, which the vocabulary has not seen, so that unknown words are as frequent as
/// they will be in service.
///
/// Bins "at reference quantiles" lie between the deciles, with one more bin below and one above all reference
/// values, which the reference leaves empty: values never seen before show up there.
struct Profile {
  std::uint64_t rows = 0;
  Histogram characters;  ///< of texts, bins at reference quantiles
  Histogram tokens;      ///< of texts, bins at reference quantiles
  Histogram
      unknown_share;  ///< of texts: unknown / tokens, in [0,1], 0 without tokens; bins at reference quantiles
  /// One text of ten thousand words would outweigh a window of usual ones: a text with more tokens than this
  /// counts in `token_buckets` and `token_noise` as if it had so many, and so it must where traffic is
  /// compared with them (text_weight). Three quarters of the reference's texts have no more. 0: no text is
  /// weighed down, as in the profiles of earlier versions.
  double token_cap = 0;
  std::array<double, features::kTokenBuckets> token_buckets{};  ///< share of all tokens, weighed as said
  /// Between halves of the reference itself, the token distributions' typical distance for samples of 200
  /// rows: what chance alone gives (Jensen-Shannon distance, base 2; median of 31 seeded draws). Fewer than
  /// 400 rows: measured on smaller halves and scaled by the root of their size.
  double token_noise = 0;
  Histogram score;                   ///< of the predicted probability of the last class, 20 equal bins
  std::vector<double> label_shares;  ///< of predicted labels, in the order of the labels
};

/// Builds the profile of rows and the model's scores on them (row-major [rows, classes]). Deterministic.
///
/// `classes`: at least 1; scores.size() is a multiple of it.
Profile make_profile(std::span<const features::TextObservation> observed, std::span<const float> scores,
                     std::size_t classes);

/// What each token of a text counts under a profile's `token_cap`: 1, or less in a longer text.
double text_weight(const features::TextObservation& text, double token_cap);

/// The Jensen-Shannon distance, base 2, in [0,1], between two distributions given as weights (they need not
/// sum to 1); 0 when either has no weight. Source: Endres and Schindelin 2003.
///
/// `left`, `right`: equally long, not negative.
double jensen_shannon_distance(std::span<const double> left, std::span<const double> right);

/// Renders profile.json (docs/formats/model-package.md).
std::string to_json(const Profile& profile);

/// Reads profile.json.
///
/// Errors: kInvalidArgument naming the key.
Result<Profile> profile_from_json(std::string_view text);

}  // namespace amas::model
