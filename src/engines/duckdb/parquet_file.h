#pragma once

#include "base/file.h"
#include "engines/duckdb/duckdb_api.h"
#include "table/table.h"

namespace amas::engines::duckdb {

/// Reads a Parquet file as make_duckdb_reader() says.
///
/// Errors: those of table::TableReader::read, without the file's name.
Result<table::Table> read_parquet(const Api& api, const fs::path& path);

}  // namespace amas::engines::duckdb
