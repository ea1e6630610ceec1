#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace amas::monitor {

/// Something unusual in latency, errors or traffic.
struct AnomalyFinding {
  std::string series;  ///< "latency", "error_rate", "traffic"
  bool active = false;
  double value = 0;           ///< latest: microseconds (geometric mean), share of requests, requests a tick
  double baseline = 0;        ///< robust median
  double score = 0;           ///< CUSUM or robust z, whichever is nearer to firing, in units of its threshold
  std::int64_t since_us = 0;  ///< wall time when it became active; 0 while it is not
  /// Points seen, and how many the first verdict needs; `points` stops there. Before, what is usual is not
  /// known, and all of the above but `value` says nothing.
  std::size_t points = 0;
  std::size_t points_min = 0;
  /// What makes a point: at least this time, and so many requests.
  std::int64_t point_us = 0;
  std::size_t point_requests = 0;

  /// Whether there is no verdict yet.
  bool is_learning() const { return points < points_min; }
};

/// "learning", "usual" or "unusual".
std::string_view anomaly_state_name(const AnomalyFinding& finding);

/// Two-sided cumulative sum of standardised values (Page 1954): notices a lasting shift of more than kSlack
/// standard deviations. A single wild value cannot fire it; after the shift has gone it comes back within a
/// few values.
class Cusum {
 public:
  static constexpr double kSlack = 1;      ///< standard deviations that are forgiven at each value
  static constexpr double kThreshold = 8;  ///< sum at which it fires; noise alone gets there every 10⁷ values
  static constexpr double kClip = 6;       ///< a value counts no more than this
  static constexpr double kSumMax = 10;    ///< where the sum stops, so that it can come back

  /// Takes a value in standard deviations from the baseline.
  void add(double z);
  /// Sets the sum of z's side to the threshold, for a value so wild that it needs no second.
  void fire(double z);
  /// The larger of both sums.
  double sum() const { return up_ > down_ ? up_ : down_; }

 private:
  double up_ = 0;
  double down_ = 0;
};

/// One point of a series, on a scale where noise is about normal.
struct SeriesPoint {
  double value = 0;  ///< as shown
  double y = 0;      ///< as judged
  double noise = 0;  ///< least standard deviation of y
};

/// How a series is judged.
struct SeriesRules {
  bool down = true;         ///< whether less than usual is an anomaly too
  double noise_share = 0;   ///< least standard deviation as a share of the median of y
  double baseline_min = 0;  ///< no verdict while the median of the values is below this
};

/// A series with a robust baseline: median and median absolute deviation of the latest points. What lasts
/// becomes the new baseline.
class AnomalySeries {
 public:
  /// A verdict from a third of `baseline_points` on.
  AnomalySeries(std::string name, const SeriesRules& rules, std::size_t baseline_points);
  /// Takes the next point, at a wall time.
  void add(const SeriesPoint& point, std::int64_t now_us);
  /// Ends an anomaly about which no points come any more.
  void settle();
  /// The verdict at the last point.
  const AnomalyFinding& finding() const { return finding_; }

 private:
  void judge(const SeriesPoint& point, std::int64_t now_us);

  SeriesRules rules_;
  std::size_t capacity_;
  std::vector<SeriesPoint> points_;  // a ring
  std::size_t next_ = 0;
  std::vector<double> scratch_;
  Cusum cusum_;
  AnomalyFinding finding_;
};

}  // namespace amas::monitor
