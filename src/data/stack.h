#pragma once

#include <vector>

#include "base/result.h"
#include "table/table.h"

namespace amas::data {

/// Whether two tables have the same columns: names in order, and types that agree (the same, int64 with
/// float64, or anything with a column of which all cells are missing).
///
/// Errors: kInvalidArgument naming the first column that differs.
Status columns_agree(const table::Table& first, const table::Table& other);

/// The rows of all tables, one below the other. `tables` is not empty, and columns_agree(first, each).
///
/// Errors: kInvalidArgument when two later tables disagree; kResourceExhausted beyond limits::kTableRowsMax.
Result<table::Table> stacked(std::vector<table::Table> tables);

}  // namespace amas::data
