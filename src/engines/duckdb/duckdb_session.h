#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "engines/duckdb/duckdb_api.h"

namespace amas::engines::duckdb {

/// A column of one chunk of a result.
struct Vector {
  const void* data = nullptr;
  const std::uint64_t* validity = nullptr;  ///< a bit a row; null where none is missing
  std::size_t rows = 0;

  /// Whether row `row` has a value.
  bool has(std::size_t row) const {
    return validity == nullptr || ((validity[row / 64] >> (row % 64)) & 1) != 0;
  }
  /// Row `row` of a VARCHAR column; borrowed as long as the chunk.
  std::string_view text(std::size_t row) const;
};

/// Called with each chunk, the columns in order.
using OnChunk = std::function<Status(std::span<const Vector>)>;

/// `text` as an SQL string.
std::string sql_string(std::string_view text);
/// `name` as an SQL name.
std::string sql_name(std::string_view name);

/// A database in memory that can read one file and nothing else.
class Session {
 public:
  /// `api` must outlive the session.
  static Result<Session> open(const Api& api, const fs::path& file);
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  /// Runs a query and gives its result chunk by chunk, in order.
  ///
  /// Errors: kInvalidArgument and kResourceExhausted with DuckDB's message, without our SQL; those of
  /// `on_chunk`.
  Status run(const std::string& sql, const OnChunk& on_chunk);

 private:
  explicit Session(const Api& api) : api_(&api) {}
  Status execute(const std::string& sql);
  Status stream(QueryResult& result, const OnChunk& on_chunk);

  const Api* api_;
  void* database_ = nullptr;
  void* connection_ = nullptr;
};

}  // namespace amas::engines::duckdb
