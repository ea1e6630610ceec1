#include "data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>

#include "base/text.h"
#include "crypto/digest.h"
#include "data/clean.h"

namespace amas::data {
namespace {

enum class Part : std::uint8_t { kTraining, kValidation, kTest };

/// A share of numbers: those with number mod `modulus` < `bound`.
struct Threshold {
  std::uint32_t modulus;
  std::uint32_t bound;
};

Threshold threshold_of(double share) {
  const double tenths = share * 10;
  if (std::abs(tenths - std::round(tenths)) < 1e-9)
    return {10, static_cast<std::uint32_t>(std::lround(tenths))};
  return {1'000'000, static_cast<std::uint32_t>(std::lround(share * 1e6))};
}

/// A SHA-1 read as one number of 160 bits.
class BigNumber {
 public:
  explicit BigNumber(std::string_view hex) {
    for (std::size_t i = 0; i < words_.size(); ++i)
      words_[i] = static_cast<std::uint32_t>(std::stoul(std::string(hex.substr(8 * i, 8)), nullptr, 16));
  }
  /// Divides it by `divisor`; returns the remainder.
  std::uint32_t divide(std::uint32_t divisor) {
    std::uint64_t remainder = 0;
    for (std::uint32_t& word : words_) {
      const std::uint64_t dividend = (remainder << 32) | word;
      word = static_cast<std::uint32_t>(dividend / divisor);
      remainder = dividend % divisor;
    }
    return static_cast<std::uint32_t>(remainder);
  }

 private:
  std::array<std::uint32_t, 5> words_;
};

Result<std::vector<Part>> parts_by_hash(const table::Table& table, const std::vector<std::string>& names,
                                        const SplitOptions& options) {
  std::vector<const table::Column*> columns;
  for (const std::string& name : names) {
    AMAS_TRY(const table::Column* column, table.column(name));
    columns.push_back(column);
  }
  if (columns.empty()) return invalid_argument("split by hash needs a column to hash; set data.split.on");
  const Threshold test = threshold_of(options.test);
  const Threshold validation = threshold_of(options.validation / (1 - options.test));
  std::vector<Part> parts(table.rows(), Part::kTraining);
  for (std::size_t row = 0; row < parts.size(); ++row) {
    BigNumber hash(crypto::sha1_hex(row_key(columns, row)));
    if (hash.divide(test.modulus) < test.bound) parts[row] = Part::kTest;
    else if (hash.divide(validation.modulus) < validation.bound) parts[row] = Part::kValidation;
  }
  return parts;
}

// The standard states mt19937_64 bit by bit but leaves shuffle to each library, so the draw is written out.
void shuffle(std::vector<std::size_t>& rows, std::mt19937_64& random) {
  for (std::size_t n = rows.size(); n > 1; --n) {
    const std::uint64_t unbiased = std::mt19937_64::max() - std::mt19937_64::max() % n;
    std::uint64_t draw = random();
    while (draw >= unbiased) draw = random();
    std::swap(rows[n - 1], rows[draw % n]);
  }
}

// Groups share one rounding: each gets its share to within a row, and all together theirs.
std::vector<Part> parts_at_random(const std::vector<std::vector<std::size_t>>& groups, std::size_t rows,
                                  const SplitOptions& options) {
  std::mt19937_64 random(options.seed);
  std::vector<Part> parts(rows, Part::kTraining);
  std::size_t seen = 0, test_taken = 0, validation_taken = 0;
  const auto due = [&](double share) {
    return static_cast<std::size_t>(std::llround(share * static_cast<double>(seen)));
  };
  for (std::vector<std::size_t> group : groups) {
    shuffle(group, random);
    seen += group.size();
    const std::size_t test = std::min(due(options.test) - test_taken, group.size());
    const std::size_t validation = std::min(due(options.validation) - validation_taken, group.size() - test);
    for (std::size_t i = 0; i < test; ++i) parts[group[i]] = Part::kTest;
    for (std::size_t i = test; i < test + validation; ++i) parts[group[i]] = Part::kValidation;
    test_taken += test;
    validation_taken += validation;
  }
  return parts;
}

Result<std::vector<std::vector<std::size_t>>> rows_by_class(const table::Table& table,
                                                            const std::string& target) {
  if (target.empty())
    return invalid_argument("a stratified split needs a target; set data.target, or split by hash");
  AMAS_TRY(const table::Column* column, table.column(target));
  std::map<std::string, std::vector<std::size_t>> classes;
  for (std::size_t row = 0; row < table.rows(); ++row) classes[column->text(row)].push_back(row);
  std::vector<std::vector<std::size_t>> groups;
  for (auto& [name, rows] : classes) groups.push_back(std::move(rows));
  return groups;
}

Result<std::vector<Part>> parts_of(const table::Table& table, const std::vector<std::string>& features,
                                   const std::string& target, const SplitOptions& options) {
  if (options.by == "hash") return parts_by_hash(table, options.on.empty() ? features : options.on, options);
  if (options.by == "stratified") {
    AMAS_TRY(const auto groups, rows_by_class(table, target));
    return parts_at_random(groups, table.rows(), options);
  }
  if (options.by == "random") {
    std::vector<std::size_t> rows(table.rows());
    for (std::size_t row = 0; row < rows.size(); ++row) rows[row] = row;
    return parts_at_random({rows}, table.rows(), options);
  }
  const auto near = nearest(options.by, {"hash", "random", "stratified"});
  return invalid_argument(fmt::format("unknown way to split: \"{}\"{}; known: hash, random, stratified",
                                      options.by, near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
}

// Only a hash leaves the sizes of small parts to chance.
std::string_view what_to_do(const SplitOptions& options, const std::string& target) {
  if (options.by != "hash") return "add rows, or change the shares in data.split";
  return target.empty() ? "small tables need data.split: {by: random}, or more rows"
                        : "small tables need data.split: {by: stratified}, or more rows";
}

}  // namespace

Result<Split> split_rows(const table::Table& table, const std::vector<std::string>& features,
                         const std::string& target, const SplitOptions& options) {
  const auto is_share = [](double share) { return share > 0 && share < 1; };
  if (!is_share(options.validation) || !is_share(options.test) || options.validation + options.test >= 1)
    return invalid_argument(
        fmt::format("shares of the split must be between 0 and 1, and below 1 together: valid {}, test {}",
                    options.validation, options.test));
  AMAS_TRY(const auto parts, parts_of(table, features, target, options));
  Split split;
  for (std::size_t row = 0; row < parts.size(); ++row)
    (parts[row] == Part::kTest         ? split.test
     : parts[row] == Part::kValidation ? split.validation
                                       : split.training)
        .push_back(row);
  if (split.training.empty() || split.validation.empty() || split.test.empty())
    return failed_precondition(fmt::format(
        "a part of the split is empty: {} rows by {} give train {}, valid {}, test {} (asked: valid "
        "{}, test {}); {}",
        parts.size(), options.by, split.training.size(), split.validation.size(), split.test.size(),
        options.validation, options.test, what_to_do(options, target)));
  return split;
}

}  // namespace amas::data
