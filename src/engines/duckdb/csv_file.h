#pragma once

#include "base/file.h"
#include "engines/duckdb/duckdb_api.h"
#include "table/table.h"

namespace amas::engines::duckdb {

/// Reads a CSV file as make_duckdb_reader() says.
///
/// Errors: those of table::TableReader::read, without the file's name and without a cell of it.
Result<table::Table> read_csv(const Api& api, const fs::path& path);

}  // namespace amas::engines::duckdb
