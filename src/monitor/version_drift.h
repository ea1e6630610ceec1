#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "features/pipeline.h"
#include "model/profile.h"
#include "monitor/drift.h"

namespace amas::monitor {

/// Drift of all statistics of one model version. Statistics for which the profile has no reference are left
/// out. Threads: one at a time.
class VersionDrift {
 public:
  /// `classes`: of the scores; 0: as many as the profile has.
  VersionDrift(const model::Profile& profile, std::size_t classes, const DriftBounds& bounds);
  /// Takes what texts looked like.
  void add_texts(std::span<const features::TextObservation> observed);
  /// Takes scores, row-major [rows, classes].
  void add_scores(std::span<const float> scores, std::size_t classes);
  /// The verdict on each statistic.
  std::vector<DriftFinding> findings() const;

 private:
  // A statistic in which each row falls into one bin of a histogram of the profile.
  struct Binned {
    model::Histogram bins;
    std::vector<std::uint16_t> cell_of_bin;
    DriftStatistic statistic;
    void add(double value) {
      statistic.add(cell_of_bin[bins.bin(value)]);
      statistic.end_row();
    }
  };
  static std::optional<Binned> make_binned(const char* name, const model::Histogram& bins,
                                           const DriftBounds& bounds);

  std::optional<Binned> length_, unknown_, score_;
  std::optional<DriftStatistic> words_, labels_;
  std::size_t classes_;
  double token_cap_;  ///< of the profile: the words of traffic are weighed as those of the reference were
};

}  // namespace amas::monitor
