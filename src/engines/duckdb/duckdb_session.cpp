#include "engines/duckdb/duckdb_session.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

namespace amas::engines::duckdb {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 5> kSettings{
    {{"threads", "2"},
     {"memory_limit", "1GB"},
     {"temp_directory", ""},
     {"autoinstall_known_extensions", "false"},
     {"autoload_known_extensions", "false"}}};

Error error_of(const char* message) {
  std::string_view text = message == nullptr ? "DuckDB gives no reason" : message;
  text = text.substr(0, text.find("\n\nLINE "));  // What follows is our own SQL.
  const bool memory = text.starts_with("Out of Memory");
  return {memory ? Code::kResourceExhausted : Code::kInvalidArgument, std::string(text)};
}

std::string quoted(std::string_view text, char quote) {
  std::string sql(1, quote);
  for (const char c : text) {
    if (c == quote) sql += quote;
    sql += c;
  }
  return sql + quote;
}

}  // namespace

std::string_view Vector::text(std::size_t row) const {
  const String& string = static_cast<const String*>(data)[row];
  constexpr std::size_t kInlineMax = 12;
  return {string.length <= kInlineMax ? string.start : string.pointer, string.length};
}

std::string sql_string(std::string_view text) { return quoted(text, '\''); }
std::string sql_name(std::string_view name) { return quoted(name, '"'); }

Result<Session> Session::open(const Api& api, const fs::path& file) {
  Session session(api);
  void* config = nullptr;
  bool made = api.create_config(&config) == State::kSuccess;
  for (const auto& [name, value] : kSettings)
    made = made && api.set_config(config, name, value) == State::kSuccess;
  char* reason = nullptr;
  made = made && api.open_ext(nullptr, &session.database_, config, &reason) == State::kSuccess &&
         api.connect(session.database_, &session.connection_) == State::kSuccess;
  Error error =
      internal_error(fmt::format("cannot start DuckDB: {}", reason == nullptr ? "settings" : reason));
  if (reason != nullptr) api.free(reason);
  api.destroy_config(&config);
  if (!made) return error;
  AMAS_CHECK(session.execute(fmt::format("SET allowed_paths=[{}]", sql_string(file.string()))));
  AMAS_CHECK(session.execute("SET enable_external_access=false"));
  AMAS_CHECK(session.execute("SET lock_configuration=true"));
  return session;
}

Session::Session(Session&& other) noexcept
    : api_(other.api_),
      database_(std::exchange(other.database_, nullptr)),
      connection_(std::exchange(other.connection_, nullptr)) {}

Session::~Session() {
  if (connection_ != nullptr) api_->disconnect(&connection_);
  if (database_ != nullptr) api_->close(&database_);
}

Status Session::execute(const std::string& sql) {
  QueryResult result{};
  const State state = api_->query(connection_, sql.c_str(), &result);
  Error error = error_of(state == State::kError ? api_->result_error(&result) : nullptr);
  api_->destroy_result(&result);
  if (state == State::kError) return error;
  return {};
}

Status Session::run(const std::string& sql, const OnChunk& on_chunk) {
  void* statement = nullptr;
  QueryResult result{};
  Status status;
  if (api_->prepare(connection_, sql.c_str(), &statement) == State::kError)
    status = error_of(api_->prepare_error(statement));
  else if (api_->execute_prepared_streaming(statement, &result) == State::kError)
    status = error_of(api_->result_error(&result));
  else status = stream(result, on_chunk);
  api_->destroy_result(&result);
  api_->destroy_prepare(&statement);
  return status;
}

Status Session::stream(QueryResult& result, const OnChunk& on_chunk) {
  std::vector<Vector> columns(api_->column_count(&result));
  while (void* chunk = api_->fetch_chunk(result)) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      void* vector = api_->data_chunk_get_vector(chunk, i);
      columns[i] = {api_->vector_get_data(vector), api_->vector_get_validity(vector),
                    api_->data_chunk_get_size(chunk)};
    }
    const Status status = on_chunk(columns);
    api_->destroy_data_chunk(&chunk);
    if (!status) return status;
  }
  // A stream ends in the same way whether all was read or reading failed.
  if (const char* reason = api_->result_error(&result); reason != nullptr && *reason != '\0')
    return error_of(reason);
  return {};
}

}  // namespace amas::engines::duckdb
