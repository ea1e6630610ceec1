#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "data/split.h"
#include "table/table.h"

namespace amas::data {

/// A cleaned table with its split: what training reads.
struct Dataset {
  table::Table table;
  Split split;
};

/// Renders a dataset as bytes (docs/formats/dataset.md): JSON lines, a header line with schema, then a line a
/// row with its part ("train", "valid", "test") and cells. The same dataset always gives the same bytes; its
/// digest is their SHA-256.
std::string to_bytes(const Dataset& dataset);

/// Reads it back.
///
/// Errors: kInvalidArgument with the line where it is malformed.
Result<Dataset> dataset_from_bytes(std::string_view bytes);

/// Its first `rows` rows, or all where it has fewer, without looking at the others.
///
/// Errors: those of dataset_from_bytes() for the header and these rows.
Result<table::Table> first_rows(std::string_view bytes, std::size_t rows);

/// Statistics of each column (docs/formats/dataset.md): type, count, missing, distinct (exact up to 100,000,
/// then "more than"), for numbers min, max, mean, standard deviation, quantiles and a histogram of 20 bins,
/// for text lengths in code points (min, mean, median, p95, max, histogram) and the most frequent values
/// where few are distinct.
Json profile_table(const table::Table& table);

}  // namespace amas::data
