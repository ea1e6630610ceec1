#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace amas::data {

/// How rows are divided; from the spec's `data.split`.
struct SplitOptions {
  /// "hash": by SHA-1 of the key, so that a row's part never changes and equal rows fall together; "random";
  /// or "stratified" (random within each class).
  std::string by = "hash";
  std::vector<std::string> on;  ///< key columns for "hash"; empty: the features
  double validation = 0.1;      ///< share of all rows, in (0,1)
  double test = 0.2;            ///< share of all rows, in (0,1); together below 1
  std::uint64_t seed = 7;       ///< for "random" and "stratified"
};

/// Row indices of each part, ascending.
struct Split {
  std::vector<std::size_t> training;
  std::vector<std::size_t> validation;
  std::vector<std::size_t> test;
};

/// Divides the rows. By "hash", with h = SHA-1(key) read as one big-endian number: test when h mod 10 <
/// 10·test where that is whole (0.2: h mod 10 < 2), else h mod 1,000,000 < 1,000,000·test; validation
/// likewise by the next digits (h div 10, or h div 1,000,000) among the others, sized so that its share of
/// all rows is as asked.
///
/// Errors: kInvalidArgument for an unknown method or shares out of range; kFailedPrecondition when a part
/// would be empty.
Result<Split> split_rows(const table::Table& table, const std::vector<std::string>& features,
                         const std::string& target, const SplitOptions& options);

}  // namespace amas::data
