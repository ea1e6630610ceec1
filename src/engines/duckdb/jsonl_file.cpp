// DuckDB reads JSON lines too, but it folds the case of names, turns texts that look like dates, and is a
// line off in some of its messages.

#include "engines/duckdb/jsonl_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <optional>
#include <unordered_map>

#include "base/limits.h"
#include "base/text.h"
#include "engines/duckdb/text_cells.h"

namespace amas::engines::duckdb {
namespace {

using table::Column;
using table::ColumnType;
using Value = simdjson::dom::element;

ColumnType type_of(Value value) {
  switch (value.type()) {
    case simdjson::dom::element_type::BOOL:
      return ColumnType::kBool;
    case simdjson::dom::element_type::INT64:
      return ColumnType::kInt64;
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
      return ColumnType::kFloat64;
    default:
      return ColumnType::kString;
  }
}

bool is_number(ColumnType type) { return type == ColumnType::kInt64 || type == ColumnType::kFloat64; }

/// A column that widens when a value does not fit its type.
class Builder {
 public:
  explicit Builder(std::string name) : column_(empty_column(std::move(name), ColumnType::kString)) {}

  /// Sets the cell of row `row`, after those before it; rows that were left out are missing.
  ///
  /// Errors: kInvalidArgument when the row has one already; kResourceExhausted beyond limits::kTextBytesMax.
  Status set(std::size_t row, Value value) {
    if (column_.size() > row)
      return invalid_argument(fmt::format("the object has a key twice: \"{}\"", column_.name));
    if (value.is_null()) return {};
    fill(row);
    if (const ColumnType type = type_of(value); !typed_) become(type);
    else if (type != column_.type()) widen(type);
    typed_ = true;
    append(value);
    if (!column_.missing.empty()) column_.missing.push_back(0);
    if (column_.type() == ColumnType::kString && column_.strings().back().size() > limits::kTextBytesMax)
      return resource_exhausted(fmt::format("text is larger than allowed: column \"{}\": {} > {} bytes",
                                            column_.name, column_.strings().back().size(),
                                            limits::kTextBytesMax));
    return {};
  }

  Column take(std::size_t rows) && {
    fill(rows);
    return std::move(column_);
  }

 private:
  void fill(std::size_t rows) {
    if (column_.size() >= rows) return;
    column_.missing.resize(column_.size());
    column_.missing.resize(rows, 1);
    std::visit([&](auto& cells) { cells.resize(rows); }, column_.cells);
  }

  // Before its first value every cell is missing, and the type is open.
  void become(ColumnType type) {
    const std::size_t rows = column_.size();
    column_ = {std::move(column_.name), empty_column("", type).cells, std::move(column_.missing)};
    std::visit([&](auto& cells) { cells.resize(rows); }, column_.cells);
  }

  void widen(ColumnType type) {
    Column wide = empty_column(std::move(column_.name), is_number(type) && is_number(column_.type())
                                                            ? ColumnType::kFloat64
                                                            : ColumnType::kString);
    if (wide.type() != column_.type()) {
      for (std::size_t row = 0; row < column_.size(); ++row) {
        if (wide.type() == ColumnType::kString) wide.strings().push_back(column_.text(row));
        else std::get<2>(wide.cells).push_back(static_cast<double>(std::get<1>(column_.cells)[row]));
      }
      column_.cells = std::move(wide.cells);
    }
    column_.name = std::move(wide.name);
  }

  void append(Value value) {
    switch (column_.type()) {
      case ColumnType::kBool:
        std::get<0>(column_.cells).push_back(value.get_bool().value_unsafe());
        return;
      case ColumnType::kInt64:
        std::get<1>(column_.cells).push_back(value.get_int64().value_unsafe());
        return;
      case ColumnType::kFloat64:
        std::get<2>(column_.cells).push_back(value.get_double().value_unsafe());
        return;
      case ColumnType::kString:
        break;
    }
    std::string_view text;
    if (value.get_string().get(text) == simdjson::SUCCESS) column_.strings().emplace_back(text);
    else column_.strings().push_back(json_of(value));
  }

  // A number as the cells of a number's column would show it, anything else as compact JSON.
  static std::string json_of(Value value) {
    const ColumnType type = type_of(value);
    if (type == ColumnType::kFloat64) return fmt::format("{}", value.get_double().value_unsafe());
    return simdjson::minify(value);
  }

  Column column_;
  bool typed_ = false;
};

/// Builds a table from objects.
class Rows {
 public:
  Status add(std::string_view line) {
    simdjson::dom::object object;
    const auto parsed = parser_.parse(line.data(), line.size(), false);
    if (parsed.error() != simdjson::SUCCESS)
      return invalid_argument(fmt::format("not valid JSON: {}", simdjson::error_message(parsed.error())));
    if (parsed.get_object().get(object) != simdjson::SUCCESS)
      return invalid_argument(
          "not a JSON object; each line must be one, such as {\"text\": \"…\", \"label\": \"…\"}");
    AMAS_CHECK(check_rows(++rows_));
    std::size_t expected = 0;
    for (const auto& [key, value] : object) {
      AMAS_TRY(const std::size_t column, column_of(key, expected));
      AMAS_CHECK(columns_[column].set(rows_ - 1, value));
      expected = column + 1;
    }
    return {};
  }

  /// Gives the parser room for lines up to `bytes`; deeper nesting than allowed is an error from then on.
  bool allocate(std::size_t bytes) {
    return parser_.allocate(bytes, limits::kJsonDepthMax) == simdjson::SUCCESS;
  }

  Result<table::Table> take() && {
    std::vector<Column> columns;
    for (Builder& builder : columns_) columns.push_back(std::move(builder).take(rows_));
    return table::Table::of(std::move(columns));
  }

 private:
  // Most rows have the same keys in the same order, so that the column is mostly the one after the last.
  Result<std::size_t> column_of(std::string_view key, std::size_t expected) {
    if (expected < names_.size() && *names_[expected] == key) return expected;
    const auto [at, added] = index_.try_emplace(std::string(key), columns_.size());
    if (!added) return at->second;
    AMAS_CHECK(check_columns(columns_.size() + 1));
    columns_.emplace_back(std::string(key));
    names_.push_back(&at->first);
    return at->second;
  }

  simdjson::dom::parser parser_;
  std::vector<Builder> columns_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<const std::string*> names_;  // keys of index_, which never move
  std::size_t rows_ = 0;
};

std::size_t longest_line(std::string_view text) {
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = text.substr(at).find('\n');
    if (length == std::string_view::npos) return std::max(longest, text.size() - at);
    longest = std::max(longest, length);
    at += length + 1;
  }
  return longest;
}

}  // namespace

Result<table::Table> read_jsonl(const fs::path& path) {
  AMAS_TRY(std::string content, read_file(path));
  const std::size_t size = content.size();
  // simdjson reads beyond the end of a line, and of the last one too.
  content.append(simdjson::SIMDJSON_PADDING, ' ');
  std::string_view rest = std::string_view(content).substr(0, size);
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  Rows rows;
  if (!rows.allocate(longest_line(rest)))
    return resource_exhausted("a line is larger than the parser can hold");
  bool any = false;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (trim(line).empty()) continue;
    any = true;
    if (const Status status = rows.add(line); !status)
      return status.error().at(fmt::format("line {}", number));
  }
  if (!any) return invalid_argument("the file is empty; each line must be a JSON object");
  return std::move(rows).take();
}

}  // namespace amas::engines::duckdb
