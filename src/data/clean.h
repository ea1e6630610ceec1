#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace amas::data {

/// How to clean; from the spec's `data.clean`.
struct CleanOptions {
  std::string target;                 ///< may be empty
  std::vector<std::string> features;  ///< columns whose equality makes two rows duplicates
  bool drop_duplicates = true;
};

/// What cleaning did.
struct CleanReport {
  std::uint64_t rows_before = 0;
  std::uint64_t rows_after = 0;
  std::uint64_t missing_target = 0;  ///< rows dropped because their target is missing
  std::uint64_t empty = 0;           ///< rows dropped because all their features are missing or blank
  std::uint64_t duplicates = 0;      ///< rows dropped because an equal one stands before them
  std::uint64_t contradictions = 0;  ///< rows dropped because equal features carry different targets
  std::uint64_t rare_classes = 0;    ///< rows dropped because their class has too few (data/classes.h)
  /// Up to 5: SHA-1 of the key, and the targets; never the text.
  std::vector<std::string> contradiction_samples;
};

/// From the result on, no target is missing, no features are empty, no row stands twice (where
/// `drop_duplicates`), and no two rows contradict each other: all that do are gone. A class named "None" or
/// "NA" is a value like any other.
///
/// Errors: kInvalidArgument for a column that is not there; kFailedPrecondition when no row is left.
Result<table::Table> clean(const table::Table& raw, const CleanOptions& options, CleanReport& report);

/// What was dropped, for people: "dropped 2 duplicates, 1 row without target"; "nothing dropped".
std::string dropped_text(const CleanReport& report);

/// The key of a row: its feature cells as text, joined by U+001F.
std::string row_key(const std::vector<const table::Column*>& features, std::size_t row);

}  // namespace amas::data
