#include "store/database.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/file.h"

namespace amas::store {
namespace {

// errno of the call that failed: SQLite keeps it by file, and a commit writes to the write-ahead log.
int system_errno(sqlite3* connection) {
  sqlite3_file* log = nullptr;
  int number = 0;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
      log != nullptr && log->pMethods != nullptr &&
      log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK && number != 0)
    return number;
  if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK && number != 0)
    return number;
  return sqlite3_system_errno(connection);
}

// The last failure of a connection, in our terms.
Error sqlite_error(sqlite3* connection, std::string_view what) {
  const std::string text = fmt::format("{}: {}", what, sqlite3_errmsg(connection));
  constexpr std::string_view kFull = "; free some space and try again";
  switch (sqlite3_errcode(connection) & 0xff) {
    case SQLITE_FULL:
      return resource_exhausted(fmt::format("{}{}", text, kFull));
    case SQLITE_NOMEM:
      return resource_exhausted(text);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
      const int number = system_errno(connection);
      const std::string why = fmt::format("{} ({})", text, std::strerror(number));
      if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        return resource_exhausted(fmt::format("{}{}", why, kFull));
      if (number == EACCES || number == EPERM || number == EROFS)
        return {Code::kPermissionDenied, why + "; check the owner and mode of the home"};
      return data_loss(why);
    }
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return {Code::kPermissionDenied, text + "; check the owner and mode of the home"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable(text + "; another process holds the home's database, try again when it is done");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return data_loss(text + "; restore the home from a backup, or use another --home");
    default:
      return internal_error(text);
  }
}

// A URI filename of SQLite: the file does not change while it is open.
std::string immutable_uri(const std::filesystem::path& file) {
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(file).string())
    uri += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/'
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return uri + "?immutable=1";
}

}  // namespace

Result<bool> Statement::next() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return sqlite_error(sqlite3_db_handle(statement_.get()), "cannot read or write the home's database");
}

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

double Statement::real(int column) const { return sqlite3_column_double(statement_.get(), column); }

void Statement::bind(int at, std::string_view value) {
  const char* bytes = value.data() == nullptr ? "" : value.data();
  sqlite3_bind_text64(statement_.get(), at, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

Result<Database> Database::connect(const std::string& name, int flags, int busy_timeout_ms) {
  sqlite3* connection = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &connection,
                                   flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (connection == nullptr) return resource_exhausted("no memory to open the home's database");
  Database database(connection);
  if (code != SQLITE_OK) return sqlite_error(connection, "cannot open the home's database: " + name);
  sqlite3_busy_timeout(connection, busy_timeout_ms);
  return database;
}

Result<Database> Database::open_to_read(const std::filesystem::path& file, int busy_timeout_ms) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0 || ::access(file.c_str(), R_OK) != 0)
    return errno_error("cannot read the home's database", file);
  // Where it may, SQLite keeps its shared memory beside the file and takes it away at the end; so write
  // access is used where it is there.
  AMAS_TRY(Database database, connect(file.string(), SQLITE_OPEN_READWRITE, busy_timeout_ms));
  AMAS_CHECK(database.run("PRAGMA query_only = ON"));
  const auto version = database.number("PRAGMA user_version");
  const bool refused = ::access(file.parent_path().c_str(), W_OK) != 0;
  if (version || (!refused && version.error().code != Code::kResourceExhausted)) return database;
  // Without a log and shared memory no process has it open: then nothing else need be asked or made.
  const bool has_log = ::stat((file.string() + "-wal").c_str(), &info) == 0 && info.st_size > 0;
  if (has_log || ::stat((file.string() + "-shm").c_str(), &info) == 0 || errno != ENOENT)
    return version.error().at(
        "a process that had the home open was killed, which can be mended only with write access");
  return connect(immutable_uri(file), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, busy_timeout_ms);
}

Result<Database> Database::open(const std::filesystem::path& file, int busy_timeout_ms) {
  AMAS_TRY(Database database,
           connect(file.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, busy_timeout_ms));
  // SQLite does not wait when two processes turn a new file into a write-ahead log at once; so we try again.
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(busy_timeout_ms);
  for (;;) {
    const Status status = database.run("PRAGMA journal_mode = WAL");
    if (status) break;
    if (status.error().code != Code::kUnavailable || std::chrono::steady_clock::now() > end)
      return status.error().at(file.string());
    sqlite3_sleep(5);
  }
  // FULL: a deployment that was confirmed must survive a power cut. NORMAL would save one fsync a commit, and
  // a whole run makes a few dozen commits.
  AMAS_CHECK(database.run("PRAGMA synchronous = FULL"));
  AMAS_CHECK(database.run("PRAGMA foreign_keys = ON"));
  return database;
}

Status Database::run_script(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return sqlite_error(connection_.get(), "cannot change the home's database");
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(connection_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) !=
      SQLITE_OK)
    return sqlite_error(connection_.get(), "cannot ask the home's database");
  return Statement(statement);
}

Result<Transaction> Transaction::begin(Database& database) {
  AMAS_CHECK(database.run("BEGIN IMMEDIATE"));
  return Transaction(database);
}

Transaction::~Transaction() {
  // SQLite has rolled back by itself after a severe failure; then this fails, and nothing is left to undo.
  if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

Status Transaction::commit() {
  AMAS_CHECK(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace amas::store
