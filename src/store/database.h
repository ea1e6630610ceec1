#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace amas::store {

/// One prepared SQL statement with its values bound. Lives no longer than its Database.
class Statement {
 public:
  /// Goes to the next row of the result.
  ///
  /// Returns whether there is one. Errors: those of Store.
  Result<bool> next();
  /// A column of the current row, from 0.
  std::string text(int column) const;
  /// The same, as a whole number.
  std::int64_t integer(int column) const;
  /// The same, as a floating-point number.
  double real(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // SQLite copies bound texts (SQLITE_TRANSIENT), so that a statement may outlive its arguments.
  void bind(int at, std::string_view value);
  void bind(int at, std::integral auto value) {
    sqlite3_bind_int64(statement_.get(), at, static_cast<sqlite3_int64>(value));
  }
  void bind(int at, std::floating_point auto value) { sqlite3_bind_double(statement_.get(), at, value); }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// One connection to a SQLite file. Threads: one at a time.
class Database {
 public:
  /// Opens or makes the file, with a write-ahead log and a full sync at each commit.
  ///
  /// `busy_timeout_ms`: how long a call waits for another process before kUnavailable.
  static Result<Database> open(const std::filesystem::path& file, int busy_timeout_ms);

  /// Opens a file that is there, only to read. Works on a disk that cannot be written to, as long as all that
  /// was written has come to the file itself.
  ///
  /// Errors: kNotFound; kPermissionDenied, see Store::open_to_read.
  static Result<Database> open_to_read(const std::filesystem::path& file, int busy_timeout_ms);

  /// Prepares one statement; `values` take the places of its question marks (texts, whole and floating
  /// numbers).
  template <class... Values>
  Result<Statement> query(std::string_view sql, const Values&... values) {
    AMAS_TRY(Statement statement, prepare(sql));
    int at = 0;
    (statement.bind(++at, values), ...);
    return statement;
  }
  /// Runs one statement to its end, ignoring its rows.
  template <class... Values>
  Status run(std::string_view sql, const Values&... values) {
    AMAS_TRY(Statement statement, query(sql, values...));
    for (bool more = true; more;) {
      AMAS_TRY(more, statement.next());
    }
    return {};
  }
  /// Runs several statements separated by semicolons, without values.
  Status run_script(const std::string& sql);
  /// Runs one statement that gives exactly one whole number.
  template <class... Values>
  Result<std::int64_t> number(std::string_view sql, const Values&... values) {
    AMAS_TRY(Statement statement, query(sql, values...));
    AMAS_TRY(const bool found, statement.next());
    if (!found) return internal_error("a query that must give a row gave none: " + std::string(sql));
    return statement.integer(0);
  }

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}
  static Result<Database> connect(const std::string& name, int flags, int busy_timeout_ms);
  Result<Statement> prepare(std::string_view sql);

  std::unique_ptr<sqlite3, Close> connection_;
};

/// A write transaction; undone unless committed. It takes the write lock at once, so that it cannot fail half
/// way for want of it.
class Transaction {
 public:
  /// Begins.
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Makes its changes last.
  Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace amas::store
