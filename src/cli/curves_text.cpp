#include "cli/curves_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/output.h"
#include "telemetry/event_file.h"

namespace amas::cli {
namespace {

constexpr std::size_t kBarsMax = 60, kBarsMin = 8;
constexpr std::size_t kIndent = 13;   // where the figures of a line begin
constexpr std::size_t kBesides = 30;  // columns of a line that its bars do not take

struct Curve {
  const char* name;
  const char* tag;
  std::vector<telemetry::ScalarPoint> points{};
};

// Adds the points of one file. One that cannot be read is passed over: the curve is an extra.
void add_points(const fs::path& file, std::vector<Curve>& curves) {
  const auto bytes = read_file(file, limits::kEventRecordBytesMax);
  if (!bytes) return;
  const auto content = telemetry::read_events(*bytes);
  if (!content) return;
  for (Curve& curve : curves)
    for (const telemetry::ScalarPoint& point : content->scalars)
      if (point.tag == curve.tag && std::isfinite(point.value)) curve.points.push_back(point);
}

// How many bars the terminal has room for.
std::size_t bars_max() {
  const std::size_t columns = terminal_size().columns;
  if (columns == 0) return kBarsMax;
  return std::clamp(columns - std::min(columns, kBesides), kBarsMin, kBarsMax);
}

// At most bars_max() values: the means of equally many points behind each other.
std::vector<double> means(const std::vector<telemetry::ScalarPoint>& points) {
  const std::size_t bars = std::min(points.size(), bars_max());
  std::vector<double> values;
  for (std::size_t bar = 0; bar < bars; ++bar) {
    const std::size_t begin = bar * points.size() / bars, end = (bar + 1) * points.size() / bars;
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += points[i].value;
    values.push_back(sum / static_cast<double>(end - begin));
  }
  return values;
}

struct Scale {
  double low = HUGE_VAL, high = -HUGE_VAL;

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // From 1 to kHeight, so that the least value still has a bar.
  double height(double value) const {
    return high > low ? 1 + (kHeight - 1) * (value - low) / (high - low) : 1;
  }
  static constexpr double kHeight = 8;
};

std::string line_text(const Curve& curve, const Scale& scale) {
  const auto& least = *std::ranges::min_element(curve.points, {}, &telemetry::ScalarPoint::value);
  std::vector<double> bars;
  for (const double value : means(curve.points)) bars.push_back(scale.height(value));
  return fmt::format("  {:<10} {:.4f} {} {:.4f}   least {:.4f} at step {}\n", curve.name,
                     curve.points.front().value, coloured(bars_text(bars, Scale::kHeight), "36"),
                     curve.points.back().value, least.value, least.step);
}

}  // namespace

std::string curves_text(const std::string& title, const std::filesystem::path& folder) {
  std::vector<Curve> curves{{"loss", "train/loss"}, {"valid loss", "validation/loss"}};
  const auto names = list_folder(folder);
  for (const std::string& name : names ? *names : std::vector<std::string>())
    if (name.starts_with("events.out.tfevents.")) add_points(folder / name, curves);
  Scale scale;
  for (const Curve& curve : curves)
    for (const double value : means(curve.points)) scale.include(value);
  std::string text;
  for (const Curve& curve : curves)
    if (!curve.points.empty()) text += line_text(curve, scale);
  return text.empty() ? "" : coloured(printable(title), "1") + "\n" + wrap_lines(text, kIndent);
}

}  // namespace amas::cli
