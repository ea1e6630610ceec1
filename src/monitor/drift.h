#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amas::monitor {

/// How far live traffic has moved from the reference.
enum class DriftState { kLearning, kSteady, kShifting, kDrifted };

/// "learning" (too few rows), "steady", "shifting", "drifted".
std::string_view drift_state_name(DriftState state);

/// Drift of one statistic.
struct DriftFinding {
  std::string
      statistic;  ///< "text_length", "unknown_words", "words", "scores", "labels" (more than two classes)
  DriftState state = DriftState::kLearning;
  double effect = 0;  ///< Jensen-Shannon distance (base 2, in [0,1]) less what chance gives on average
  double shifting_at =
      0;  ///< effect from which it counts as shifting: as configured, or what chance may reach …
  double drifted_at = 0;       ///< … and as drifted
  std::uint64_t rows = 0;      ///< in the window; while learning all that were seen …
  std::uint64_t rows_min = 0;  ///< … of so many that the first verdict needs
};

/// How drift is judged.
struct DriftBounds {
  std::uint64_t window_rows =
      500;  ///< latest rows that are compared with the reference, rounded down to a multiple of 20
  std::uint64_t rows_min = 100;  ///< no verdict before this many
  double shifting_at = 0.1;      ///< effect, where chance alone gives less
  double drifted_at = 0.2;
};

/// What normal rows look like in one statistic: weights of cells, and how far samples of rows lie apart by
/// chance.
struct DriftReference {
  std::string statistic;
  std::vector<double> weights;  ///< of each cell; need not sum to 1
  double rows = 0;              ///< that the weights were counted over
  /// Two samples of n and m rows have an expected Jensen-Shannon divergence (bits) of noise · (1/n + 1/m) …
  double noise = 0;
  /// … distributed as chi-square with this many degrees of freedom, scaled.
  double freedom = 1;

  /// Whether there is anything to compare with.
  bool usable() const { return rows > 0 && weights.size() > 1; }
};

/// The reference of a statistic in which each row falls into one of `weights.size()` cells: n·8·ln 2 times
/// the divergence is chi-square with one degree less than there are cells (the Taylor expansion of the
/// G-test).
DriftReference row_reference(std::string statistic, std::vector<double> weights);

/// Joins neighbouring bins that hold less than 3 % of the rows, so that no cell is too thin to be judged by
/// chi-square.
///
/// Returns the cell of each bin; cells ascend without gaps.
std::vector<std::uint16_t> join_thin_bins(std::span<const std::uint64_t> counts);

/// One statistic over the latest rows, compared with its reference every twentieth of the window. Fixed
/// memory. Threads: one at a time.
class DriftStatistic {
 public:
  DriftStatistic(DriftReference reference, const DriftBounds& bounds);
  /// Adds weight to a cell in the current row.
  void add(std::size_t cell, float weight = 1) { pane()[cell] += weight; }
  /// The weights of the pane that the current row belongs to, to add to.
  std::span<float> pane() { return std::span(panes_).subspan(current_ * cells_, cells_); }
  /// Ends the current row.
  void end_row() {
    if (++rows_in_pane_ == pane_rows_) end_pane();
  }
  /// The verdict at the last comparison.
  DriftFinding finding() const;

 private:
  void end_pane();
  void compare(std::uint64_t rows);

  DriftReference reference_;
  DriftBounds bounds_;
  std::size_t cells_;
  std::uint64_t pane_rows_;
  std::vector<float> panes_;  // [kPanes][cells_], a ring
  std::size_t current_ = 0;
  std::uint64_t rows_in_pane_ = 0;
  std::uint64_t panes_full_ = 0;
  std::vector<double> window_;  // scratch of compare()
  DriftFinding finding_;
};

}  // namespace amas::monitor
