#pragma once

#include <string>

#include "base/json.h"
#include "table/table.h"

namespace amas::cli {

/// A table's profile (docs/formats/dataset.md) for people: a line a column with its type, missing and
/// distinct cells, the range of its numbers or of its texts' lengths and a histogram of these; the most
/// frequent values; and the cells of some rows. Foreign text is escaped and cut.
///
/// `profile`: of data::profile_table(). `examples`: rows of the same table.
std::string profile_text(const Json& profile, const table::Table& examples);

}  // namespace amas::cli
