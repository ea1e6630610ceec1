#pragma once

#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace amas::engines::duckdb {

/// The part of DuckDB's C interface that we call, declared from its documentation (duckdb.org/docs/api/c):
/// the package has no header, and the library is opened at run time. Names and layouts are theirs.
using Idx = std::uint64_t;
/// duckdb_state.
enum class State : int { kSuccess = 0, kError = 1 };

/// duckdb_result; all but the handle is deprecated.
struct QueryResult {
  Idx deprecated_counts[3];
  void* deprecated_columns;
  char* deprecated_error;
  void* internal;
};

/// duckdb_string_t: up to 12 bytes lie in it, longer ones elsewhere.
struct String {
  std::uint32_t length;
  char start[4];
  union {
    const char* pointer;
    char rest[8];
  };
};
static_assert(sizeof(String) == 16);

/// The functions, each the duckdb_… of its name.
struct Api {
  const char* (*library_version)();
  State (*create_config)(void** config);
  State (*set_config)(void* config, const char* name, const char* value);
  void (*destroy_config)(void** config);
  State (*open_ext)(const char* path, void** database, void* config, char** error);
  void (*close)(void** database);
  State (*connect)(void* database, void** connection);
  void (*disconnect)(void** connection);
  State (*query)(void* connection, const char* sql, QueryResult* result);
  State (*prepare)(void* connection, const char* sql, void** statement);
  const char* (*prepare_error)(void* statement);
  void (*destroy_prepare)(void** statement);
  State (*execute_prepared_streaming)(void* statement, QueryResult* result);
  const char* (*result_error)(QueryResult* result);
  void (*destroy_result)(QueryResult* result);
  Idx (*column_count)(QueryResult* result);
  void* (*fetch_chunk)(QueryResult result);
  void (*destroy_data_chunk)(void** chunk);
  Idx (*data_chunk_get_size)(void* chunk);
  void* (*data_chunk_get_vector)(void* chunk, Idx column);
  void* (*vector_get_data)(void* vector);
  std::uint64_t* (*vector_get_validity)(void* vector);
  void (*free)(void* memory);
};

/// Opens the library and finds the functions; the library stays open to the end of the program.
///
/// Errors: kUnavailable when it cannot be opened or lacks a function.
Result<Api> open_api(const fs::path& library);

}  // namespace amas::engines::duckdb
