#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "base/text.h"
#include "data/dataset.h"

namespace amas::data {
namespace {

using table::Column;
using table::ColumnType;

constexpr std::size_t kDistinctMax = 100'000;
constexpr std::size_t kBins = 20;
constexpr std::size_t kFewDistinct = 100;
constexpr std::size_t kFrequentShown = 20;
constexpr std::size_t kValueBytesShown = 80;
constexpr std::array<std::pair<const char*, double>, 7> kQuantiles{
    {{"p01", 0.01}, {"p05", 0.05}, {"p25", 0.25}, {"p50", 0.5}, {"p75", 0.75}, {"p95", 0.95}, {"p99", 0.99}}};

// Between the two nearest ranks, linearly (type 7 of Hyndman and Fan, as NumPy and R do it).
double quantile(const std::vector<double>& sorted, double p) {
  const double at = p * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, sorted.size() - 1);
  const double part = at - static_cast<double>(below);
  return sorted[below] * (1 - part) + sorted[above] * part;
}

// Equal bins from the least to the greatest value; the last one holds its upper end too.
Json histogram(const std::vector<double>& sorted) {
  double least = sorted.front(), greatest = sorted.back();
  if (least == greatest) least -= 0.5, greatest += 0.5;
  std::array<std::uint64_t, kBins> counts{};
  // Halves, so that the width of a range as wide as double itself stays finite.
  const double half_width = greatest / 2 - least / 2;
  for (const double value : sorted) {
    const double at = (value / 2 - least / 2) / half_width * static_cast<double>(kBins);
    ++counts[std::min(static_cast<std::size_t>(at), kBins - 1)];
  }
  return {{"min", least}, {"max", greatest}, {"counts", counts}};
}

// Two passes, so that nothing cancels where the mean is far from zero.
void add_moments(Json& profile, const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  profile["mean"] = mean;
  profile["std"] = std::sqrt(squares / count);
}

void add_numbers(Json& profile, std::vector<double> values) {
  const std::size_t all = values.size();
  std::erase_if(values, [](double value) { return !std::isfinite(value); });
  if (all != values.size()) profile["not_finite"] = all - values.size();
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  profile["min"] = values.front();
  profile["max"] = values.back();
  add_moments(profile, values);
  Json quantiles = Json::object();
  for (const auto& [name, p] : kQuantiles) quantiles[name] = quantile(values, p);
  profile["quantiles"] = std::move(quantiles);
  profile["histogram"] = histogram(values);
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void add_lengths(Json& profile, const Column& column) {
  std::vector<double> lengths;
  for (std::size_t row = 0; row < column.size(); ++row)
    if (!column.is_missing(row)) lengths.push_back(static_cast<double>(code_points(column.strings()[row])));
  if (lengths.empty()) return;
  std::sort(lengths.begin(), lengths.end());
  Json length{{"min", lengths.front()},
              {"max", lengths.back()},
              {"median", quantile(lengths, 0.5)},
              {"p95", quantile(lengths, 0.95)},
              {"histogram", histogram(lengths)}};
  add_moments(length, lengths);
  length.erase("std");
  profile["length"] = std::move(length);
}

template <class Key>
using Counts = std::unordered_map<Key, std::uint64_t>;

template <class Key>
void add_frequent(Json& profile, const Counts<Key>& counts, const Column& column, std::uint64_t present) {
  if (column.type() == ColumnType::kFloat64 || counts.size() > kFewDistinct || counts.size() * 2 > present)
    return;
  std::vector<std::pair<Key, std::uint64_t>> values(counts.begin(), counts.end());
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (values.size() > kFrequentShown) values.resize(kFrequentShown);
  Json frequent = Json::array();
  for (const auto& [value, count] : values) {
    Json shown;
    if constexpr (std::is_same_v<Key, std::string_view>)
      shown = std::string(cut_utf8(value, kValueBytesShown));
    else if (column.type() == ColumnType::kBool) shown = value != 0;
    else shown = value;
    frequent.push_back({{"value", std::move(shown)}, {"count", count}});
  }
  profile["frequent"] = std::move(frequent);
}

// Counts the values that differ, and stops where there are too many to tell.
template <class Key, class Cells>
void add_distinct(Json& profile, const Column& column, const Cells& cells, std::uint64_t present) {
  Counts<Key> counts;
  bool more = false;
  for (std::size_t row = 0; row < column.size() && !more; ++row) {
    if (column.is_missing(row)) continue;
    if (counts.size() < kDistinctMax) ++counts[cells[row]];
    else more = counts.find(cells[row]) == counts.end();
  }
  profile["distinct"] = counts.size();
  if (more) profile["distinct_more"] = true;
  if (!more) add_frequent(profile, counts, column, present);
}

template <class Cells>
std::vector<double> numbers_of(const Column& column, const Cells& cells) {
  std::vector<double> values;
  values.reserve(cells.size());
  for (std::size_t row = 0; row < cells.size(); ++row)
    if (!column.is_missing(row)) values.push_back(static_cast<double>(cells[row]));
  return values;
}

Json profile_column(const Column& column) {
  const auto missing = static_cast<std::uint64_t>(
      std::count_if(column.missing.begin(), column.missing.end(), [](auto m) { return m != 0; }));
  Json profile{{"name", column.name},
               {"type", table::column_type_name(column.type())},
               {"count", column.size()},
               {"missing", missing}};
  std::visit(
      [&](const auto& cells) {
        using Cell = typename std::decay_t<decltype(cells)>::value_type;
        if constexpr (std::is_same_v<Cell, std::string>) {
          add_distinct<std::string_view>(profile, column, cells, column.size() - missing);
          add_lengths(profile, column);
        } else {
          add_distinct<Cell>(profile, column, cells, column.size() - missing);
          if (column.type() != ColumnType::kBool) add_numbers(profile, numbers_of(column, cells));
        }
      },
      column.cells);
  return profile;
}

}  // namespace

Json profile_table(const table::Table& table) {
  Json columns = Json::array();
  for (const Column& column : table.columns()) columns.push_back(profile_column(column));
  return {{"rows", table.rows()}, {"columns", std::move(columns)}};
}

}  // namespace amas::data
