#pragma once

#include <memory>

#include "base/file.h"
#include "table/table.h"

namespace amas::engines {

/// Reads tables from files: CSV and Parquet by DuckDB, JSON lines by simdjson.
///
/// csv: UTF-8 with a header line; delimiter (comma, semicolon, tab, bar) and quote (double, single) are found
/// in the first rows. A column is bool (true, false), int64, float64 or string by what all its cells are;
/// numbers that change when written again, such as 007 or ones beyond int64, stay strings, and so do dates.
/// Empty cells are missing, cells such as NA, nan or None are values. Rows may end with a line feed, with a
/// carriage return before it, or with some of either; or all with a carriage return alone. jsonl: an object a
/// line; a key that a row lacks is missing there, as null is; a column whose values are of several kinds is
/// string, nested values in it as JSON. parquet: whole numbers are int64 where that holds them, else float64
/// as other numbers are; all that is neither number nor bool is string. Not-a-number is missing.
///
/// `library`: libduckdb.so, opened when first needed. Every read runs apart, on two threads and at most 1 GB,
/// and can reach no other file. Errors besides TableReader's: kUnavailable when the library cannot be opened.
/// Threads: any.
std::unique_ptr<table::TableReader> make_duckdb_reader(fs::path library);

}  // namespace amas::engines
