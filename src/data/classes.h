#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "data/clean.h"
#include "data/split.h"
#include "table/table.h"

namespace amas::data {

/// Rows that a class needs: one for each part of the split.
inline constexpr std::size_t kClassRowsMin = 3;

/// From the result on, the target names classes that can be learnt: at least two, at most
/// limits::kClassesMax, each with kClassRowsMin rows or more, ten on average where there are more than 20,
/// and none of them a measured quantity (more than 20 different numbers with fractions).
///
/// `cleaned`: without missing targets. `drop_rare`: leave out the rows of classes with fewer than
/// kClassRowsMin rows, and count them in `report`, rather than to refuse them. Errors: kInvalidArgument for a
/// column that is not there; kFailedPrecondition with the column, counts, some of its values and what to do.
Result<table::Table> learnable_classes(table::Table cleaned, const std::string& target, bool drop_rare,
                                       CleanReport& report);

/// Whether every class has a row to train on.
///
/// Errors: kFailedPrecondition naming the first class that has none, its rows in each part, and what to do.
Status check_training_classes(const table::Table& table, const std::string& target, const Split& split);

}  // namespace amas::data
