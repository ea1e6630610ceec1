#pragma once

#include "base/file.h"
#include "table/table.h"

namespace amas::engines::duckdb {

/// Reads JSON lines as make_duckdb_reader() says.
///
/// Errors: those of table::TableReader::read, without the file's name.
Result<table::Table> read_jsonl(const fs::path& path);

}  // namespace amas::engines::duckdb
