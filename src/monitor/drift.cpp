#include "monitor/drift.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "model/profile.h"

namespace amas::monitor {
namespace {

constexpr std::size_t kPanes = 20;

// Standard normal quantiles that chance has to pass at one comparison: 3·10⁻⁶ and 2·10⁻⁸. A window's worth of
// rows brings twenty comparisons that share most of their rows. Of 10,000 windows of normal rows, against 200
// references of 600 rows, none was called shifting in any of four statistics; with 4 and 5 instead it was 18.
constexpr double kShiftingZ = 4.5;
constexpr double kDriftedZ = 5.5;

// A state is left only when the effect has fallen clearly below where it was entered.
constexpr double kLeaveShare = 0.8;

// How many times its mean a chi-square value reaches at a normal quantile z (Wilson and Hilferty 1931).
double chi_square_ratio(double freedom, double z) {
  const double variance = 2 / (9 * freedom);
  return std::pow(std::max(0.0, 1 - variance + z * std::sqrt(variance)), 3);
}

DriftState next_state(DriftState now, const DriftFinding& finding) {
  const double drifted = finding.drifted_at * (now == DriftState::kDrifted ? kLeaveShare : 1);
  const double shifting = finding.shifting_at * (now >= DriftState::kShifting ? kLeaveShare : 1);
  if (finding.effect >= drifted) return DriftState::kDrifted;
  return finding.effect >= shifting ? DriftState::kShifting : DriftState::kSteady;
}

}  // namespace

std::string_view drift_state_name(DriftState state) {
  constexpr std::array<std::string_view, 4> kNames{"learning", "steady", "shifting", "drifted"};
  return kNames[static_cast<std::size_t>(state)];
}

DriftReference row_reference(std::string statistic, std::vector<double> weights) {
  const double rows = std::accumulate(weights.begin(), weights.end(), 0.0);
  const double freedom = std::max(1.0, static_cast<double>(weights.size()) - 1);
  return {std::move(statistic), std::move(weights), rows, freedom / (8 * std::numbers::ln2), freedom};
}

std::vector<std::uint16_t> join_thin_bins(std::span<const std::uint64_t> counts) {
  const double thin =
      0.03 * static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  std::vector<std::uint16_t> cells(counts.size());
  double in_cell = 0;
  for (std::size_t bin = 1; bin < counts.size(); ++bin) {
    in_cell += static_cast<double>(counts[bin - 1]);
    // A bin that can stand alone starts a cell of its own, so that thin ones beside it stay visible.
    const bool starts = in_cell >= thin || static_cast<double>(counts[bin]) >= thin;
    cells[bin] = static_cast<std::uint16_t>(cells[bin - 1] + starts);
    if (starts) in_cell = 0;
  }
  return cells;
}

DriftStatistic::DriftStatistic(DriftReference reference, const DriftBounds& bounds)
    : reference_(std::move(reference)),
      bounds_(bounds),
      cells_(reference_.weights.size()),
      pane_rows_(std::max<std::uint64_t>(1, bounds.window_rows / kPanes)),
      panes_(kPanes * cells_),
      window_(cells_) {
  finding_.statistic = reference_.statistic;
  finding_.shifting_at = bounds.shifting_at;
  finding_.drifted_at = bounds.drifted_at;
  const std::uint64_t panes_min =
      (std::min(bounds_.rows_min, kPanes * pane_rows_) + pane_rows_ - 1) / pane_rows_;
  finding_.rows_min = std::max<std::uint64_t>(panes_min, 1) * pane_rows_;
}

DriftFinding DriftStatistic::finding() const {
  DriftFinding finding = finding_;
  if (finding.state == DriftState::kLearning) finding.rows += rows_in_pane_;
  return finding;
}

void DriftStatistic::end_pane() {
  panes_full_ = std::min<std::uint64_t>(panes_full_ + 1, kPanes);
  const std::uint64_t rows = panes_full_ * pane_rows_;
  finding_.rows = rows;
  if (rows >= finding_.rows_min) compare(rows);
  current_ = (current_ + 1) % kPanes;
  std::ranges::fill(pane(), 0.0f);
  rows_in_pane_ = 0;
}

void DriftStatistic::compare(std::uint64_t rows) {
  std::ranges::fill(window_, 0.0);
  for (std::size_t i = 0; i < panes_.size(); i += cells_)
    for (std::size_t cell = 0; cell < cells_; ++cell) window_[cell] += panes_[i + cell];
  const double distance = model::jensen_shannon_distance(window_, reference_.weights);
  const double by_chance = reference_.noise * (1 / static_cast<double>(rows) + 1 / reference_.rows);
  const auto reach = [&](double z) {
    return std::sqrt(by_chance * std::max(0.0, chi_square_ratio(reference_.freedom, z) - 1));
  };
  finding_.effect = std::sqrt(std::max(0.0, distance * distance - by_chance));
  finding_.shifting_at = std::max(bounds_.shifting_at, reach(kShiftingZ));
  finding_.drifted_at = std::max({bounds_.drifted_at, finding_.shifting_at, reach(kDriftedZ)});
  finding_.state = next_state(finding_.state, finding_);
}

}  // namespace amas::monitor
