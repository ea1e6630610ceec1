#include "engines/duckdb/duckdb_api.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace amas::engines::duckdb {
namespace {

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

}  // namespace

Result<Api> open_api(const fs::path& library) {
  void* handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr)
    return unavailable(fmt::format("cannot open DuckDB's library: {}; run scripts/bootstrap", ::dlerror()));
  Api api{};
  const bool complete =
      find(handle, "duckdb_library_version", api.library_version) &&
      find(handle, "duckdb_create_config", api.create_config) &&
      find(handle, "duckdb_set_config", api.set_config) &&
      find(handle, "duckdb_destroy_config", api.destroy_config) &&
      find(handle, "duckdb_open_ext", api.open_ext) && find(handle, "duckdb_close", api.close) &&
      find(handle, "duckdb_connect", api.connect) && find(handle, "duckdb_disconnect", api.disconnect) &&
      find(handle, "duckdb_query", api.query) && find(handle, "duckdb_prepare", api.prepare) &&
      find(handle, "duckdb_prepare_error", api.prepare_error) &&
      find(handle, "duckdb_destroy_prepare", api.destroy_prepare) &&
      find(handle, "duckdb_execute_prepared_streaming", api.execute_prepared_streaming) &&
      find(handle, "duckdb_result_error", api.result_error) &&
      find(handle, "duckdb_destroy_result", api.destroy_result) &&
      find(handle, "duckdb_column_count", api.column_count) &&
      find(handle, "duckdb_fetch_chunk", api.fetch_chunk) &&
      find(handle, "duckdb_destroy_data_chunk", api.destroy_data_chunk) &&
      find(handle, "duckdb_data_chunk_get_size", api.data_chunk_get_size) &&
      find(handle, "duckdb_data_chunk_get_vector", api.data_chunk_get_vector) &&
      find(handle, "duckdb_vector_get_data", api.vector_get_data) &&
      find(handle, "duckdb_vector_get_validity", api.vector_get_validity) &&
      find(handle, "duckdb_free", api.free);
  if (complete) return api;
  return unavailable(fmt::format(
      "DuckDB's library lacks a function that amas needs: {}; run scripts/bootstrap", library.string()));
}

}  // namespace amas::engines::duckdb
