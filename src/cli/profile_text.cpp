#include "cli/profile_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "cli/output.h"

namespace amas::cli {
namespace {

constexpr std::size_t kColumnsShown = 100;
constexpr std::size_t kNameBytesShown = 32;
constexpr std::size_t kValueBytesShown = 24;
constexpr std::size_t kExampleBytesShown = 72;
constexpr std::size_t kFrequentShown = 6;
constexpr std::size_t kGap = 4;  // columns beside the names of a list: two before them, two behind

std::string cut(std::string_view text, std::size_t bytes_max) {
  const std::string_view kept = cut_utf8(text, bytes_max);
  return printable(kept) + (kept.size() < text.size() ? "…" : "");
}

// A mean that is nothing but the rounding of a sum whose terms cancel out.
bool is_rounding(const Json& from, const char* key, double number) {
  constexpr double kRounding = 1e-13;  // of the largest term; a thousand times what one addition may be off
  if (std::string_view(key) != "mean") return false;
  const double largest = std::max(std::abs(from.value("min", 0.0)), std::abs(from.value("max", 0.0)));
  return std::abs(number) <= kRounding * largest;
}

// A figure of the profile; "-" where it has none.
std::string figure(const Json& from, const char* key) {
  const Json value = from.value(key, Json());
  if (!value.is_number()) return "-";
  const double number = is_rounding(from, key, value.get<double>()) ? 0 : value.get<double>();
  const bool whole = number == std::trunc(number) && std::abs(number) < 1e15;
  return whole ? fmt::format("{:.0f}", number) : fmt::format("{:.4g}", number);
}

std::string histogram_text(const Json& from) {
  const auto counts = json_array<double>(from.value("histogram", Json::object()), "counts");
  return counts && !counts->empty() ? bars_text(*counts, std::ranges::max(*counts)) : "";
}

std::vector<std::string> column_line(const Json& column) {
  const std::string type = column.value("type", "");
  const Json figures = type == "string" ? column.value("length", Json::object()) : column;
  return {cut(column.value("name", ""), kNameBytesShown),
          type,
          figure(column, "missing"),
          fmt::format("{}{}", column.value("distinct_more", false) ? ">" : "", figure(column, "distinct")),
          figure(figures, "min"),
          figure(figures, "mean"),
          figure(figures, "max"),
          histogram_text(figures)};
}

// "ham ×3999 (67.6 %), spam ×1920 (32.4 %)"; "" where values are not frequent.
std::string frequent_text(const Json& column) {
  const auto values = json_array<Json>(column, "frequent");
  if (!values) return "";
  const double present = column.value("count", 0.0) - column.value("missing", 0.0);
  std::string text;
  for (std::size_t i = 0; i < values->size(); ++i) {
    if (i == kFrequentShown) return text + ", …";
    const Json value = (*values)[i].value("value", Json());
    const double count = (*values)[i].value("count", 0.0);
    text +=
        fmt::format("{}{} ×{:.0f} ({:.1f} %)", i == 0 ? "" : ", ",
                    cut(value.is_string() ? value.get<std::string>() : dump_json(value), kValueBytesShown),
                    count, 100 * count / std::max(present, 1.0));
  }
  return text;
}

std::string examples_text(const table::Table& examples, std::size_t width) {
  std::string text;
  for (const table::Column& column : examples.columns()) {
    if (&column == &examples.columns()[0] + kColumnsShown) break;
    for (std::size_t row = 0; row < column.size(); ++row) {
      const std::string name = row == 0 ? cut(column.name, kNameBytesShown) : "";
      const std::string space(width - std::min(width, width_of(name)), ' ');
      const bool quoted = column.type() == table::ColumnType::kString;
      text += fmt::format("  {}{}  {}\n", name, space,
                          column.is_missing(row) ? coloured("missing", "2")
                          : quoted ? fmt::format("\"{}\"", cut(column.text(row), kExampleBytesShown))
                                   : column.text(row));
    }
  }
  return text;
}

}  // namespace

std::string profile_text(const Json& profile, const table::Table& examples) {
  const Json columns = profile.value("columns", Json::array());
  std::vector<std::vector<std::string>> lines{
      {"COLUMN", "TYPE", "MISSING", "DISTINCT", "MIN", "MEAN", "MAX", "HISTOGRAM"}};
  std::string frequent;
  std::size_t width = 0;
  bool texts = false;
  for (const Json& column : columns) {
    if (lines.size() > kColumnsShown) break;
    lines.push_back(column_line(column));
    width = std::max(width, width_of(lines.back()[0]));
    texts = texts || column.value("type", "") == "string";
  }
  for (std::size_t i = 1; i < lines.size(); ++i)
    if (const std::string values = frequent_text(columns[i - 1]); !values.empty())
      frequent +=
          fmt::format("  {}{}  {}\n", lines[i][0], std::string(width - width_of(lines[i][0]), ' '), values);
  std::string text = format_table(lines);
  if (columns.size() > kColumnsShown)
    text +=
        fmt::format("… and {} more; --json has them\n", count_of(columns.size() - kColumnsShown, "column"));
  if (texts)
    text += wrap_lines(coloured("min, mean and max of strings are lengths in characters", "2"), 0) + "\n";
  if (!frequent.empty()) text += "\nmost frequent\n" + wrap_lines(frequent, width + kGap);
  return text + "\nfirst rows\n" + wrap_lines(examples_text(examples, width), width + kGap);
}

}  // namespace amas::cli
