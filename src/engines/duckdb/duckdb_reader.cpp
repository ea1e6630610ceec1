#include "engines/duckdb/duckdb_reader.h"

#include <fmt/format.h>

#include <mutex>
#include <optional>

#include "engines/duckdb/csv_file.h"
#include "engines/duckdb/duckdb_api.h"
#include "engines/duckdb/jsonl_file.h"
#include "engines/duckdb/parquet_file.h"

namespace amas::engines {
namespace duckdb {
namespace {

/// Opens the library when a file first needs it.
class Reader final : public table::TableReader {
 public:
  explicit Reader(fs::path library) : library_(std::move(library)) {}

  Result<table::Table> read(const std::string& path, std::string_view format) override {
    std::error_code ignored;
    if (!fs::exists(path, ignored))
      return not_found(fmt::format("the file does not exist: {}; check the path", path));
    if (!fs::is_regular_file(path, ignored))
      return invalid_argument(fmt::format("not a regular file: {}", path));
    auto table = read_format(fs::absolute(path), format);
    if (!table) return table.error().at(path);
    return table;
  }

  std::string version() const override {
    const auto& library = api();
    return library ? fmt::format("DuckDB {}", library->library_version()) : "DuckDB (not found)";
  }

 private:
  Result<table::Table> read_format(const fs::path& path, std::string_view format) {
    if (format == "jsonl") return read_jsonl(path);
    if (format != "csv" && format != "parquet")
      return invalid_argument(fmt::format("unknown format: \"{}\"; known: csv, jsonl, parquet", format));
    const auto& library = api();
    if (!library) return library.error();
    if (fs::file_size(path) == 0) return invalid_argument("the file is empty");
    return format == "csv" ? read_csv(*library, path) : read_parquet(*library, path);
  }

  const Result<Api>& api() const {
    std::call_once(once_, [&] { api_ = open_api(library_); });
    return *api_;
  }

  const fs::path library_;
  mutable std::once_flag once_;
  mutable std::optional<Result<Api>> api_;
};

}  // namespace
}  // namespace duckdb

std::unique_ptr<table::TableReader> make_duckdb_reader(fs::path library) {
  return std::make_unique<duckdb::Reader>(std::move(library));
}

}  // namespace amas::engines
