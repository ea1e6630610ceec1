#include "train/leaderboard.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace amas::train {
namespace {

struct Column {
  std::string title;
  bool to_the_right;  ///< numbers line up at their end
};

using Cells = std::vector<std::string>;

// ICU's macro narrows integers silently.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"

// Columns of a terminal that a text takes: two for wide East Asian characters and emoji, none for marks.
std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::int32_t at = 0; at < static_cast<std::int32_t>(text.size());) {
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(text.data(), at, static_cast<std::int32_t>(text.size()), character);
    const auto type = u_charType(character);
    if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR) continue;
    const auto east_asian = u_getIntPropertyValue(character, UCHAR_EAST_ASIAN_WIDTH);
    width += east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

#pragma GCC diagnostic pop

std::string render(const std::vector<Column>& columns, const std::vector<Cells>& lines) {
  std::vector<std::size_t> widths(columns.size());
  for (const Cells& cells : lines)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  std::string text;
  for (const Cells& cells : lines) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string space(widths[i] - display_width(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += columns[i].to_the_right ? space + cells[i] : cells[i] + space;
    }
    text += line.erase(line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

const Interval* find_metric(const LeaderboardRow& row, const std::string& name) {
  const auto at = row.metrics.find(name);
  return at == row.metrics.end() ? nullptr : &at->second;
}

std::string value_of(const LeaderboardRow& row, const std::string& name) {
  const Interval* metric = find_metric(row, name);
  return metric ? number(metric->value) : "-";
}

std::string interval_of(const LeaderboardRow& row, const std::string& name) {
  const Interval* metric = find_metric(row, name);
  if (!metric) return "-";
  return fmt::format("{} [{}, {}]", number(metric->value), number(metric->low), number(metric->high));
}

std::string bytes(double count) {
  if (count < 1e6) return fmt::format("{:.1f} kB", count / 1e3);
  return fmt::format("{:.1f} MB", count / 1e6);
}

Cells cells_of(const LeaderboardRow& row, std::size_t place) {
  return {fmt::format("{}", place),
          printable(row.candidate),
          fmt::format("{}", row.version),
          printable(row.variant),
          number(row.validation),
          interval_of(row, "accuracy"),
          interval_of(row, "macro_f1"),
          value_of(row, "log_loss"),
          fmt::format("{:.0f}", row.latency_p50_us),
          fmt::format("{:.0f}", row.latency_p99_us),
          bytes(row.memory_bytes),
          bytes(static_cast<double>(row.file_bytes)),
          row.deployed ? "deployed" : ""};
}

}  // namespace

void rank(std::vector<LeaderboardRow>& rows, bool lower_is_better) {
  // What could not be measured comes last, whichever way is better.
  const auto worth = [&](const LeaderboardRow& row) {
    if (std::isnan(row.validation)) return -std::numeric_limits<double>::infinity();
    return lower_is_better ? -row.validation : row.validation;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](const LeaderboardRow& a, const LeaderboardRow& b) {
    return worth(a) != worth(b) ? worth(a) > worth(b) : a.latency_p50_us < b.latency_p50_us;
  });
}

std::string leaderboard_text(const std::vector<LeaderboardRow>& rows, const std::string& metric) {
  const std::vector<Column> columns{{"", true},
                                    {"candidate", false},
                                    {"version", true},
                                    {"variant", false},
                                    {"valid " + metric, true},
                                    {"test accuracy", true},
                                    {"test macro_f1", true},
                                    {"log_loss", true},
                                    {"p50 µs", true},
                                    {"p99 µs", true},
                                    {"memory", true},
                                    {"file", true},
                                    {"", false}};
  std::vector<Cells> lines(1);
  for (const Column& column : columns) lines[0].push_back(column.title);
  for (std::size_t i = 0; i < rows.size(); ++i) lines.push_back(cells_of(rows[i], i + 1));
  if (!rows.empty() && find_metric(rows[0], "baseline_accuracy"))
    lines.push_back({"", "majority", "", "", "", interval_of(rows[0], "baseline_accuracy")});
  return render(columns, lines);
}

Json leaderboard_json(const std::vector<LeaderboardRow>& rows) {
  Json list = Json::array();
  for (const LeaderboardRow& row : rows) {
    Json metrics = Json::object();
    for (const auto& [name, metric] : row.metrics)
      metrics[name] = {{"value", metric.value}, {"low", metric.low}, {"high", metric.high}};
    list.push_back({{"candidate", row.candidate},
                    {"version", row.version},
                    {"variant", row.variant},
                    {"validation", row.validation},
                    {"metrics", std::move(metrics)},
                    {"latency_p50_us", row.latency_p50_us},
                    {"latency_p99_us", row.latency_p99_us},
                    {"memory_bytes", row.memory_bytes},
                    {"file_bytes", row.file_bytes},
                    {"deployed", row.deployed}});
  }
  return list;
}

}  // namespace amas::train
