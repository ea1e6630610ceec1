#include "data/dataset.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace amas::data {
namespace {

using table::Column;
using table::ColumnType;

constexpr int kFormatVersion = 1;
constexpr std::size_t kHeaderBytesMax = 4u << 20;
constexpr std::array<std::string_view, 3> kPartNames{"train", "valid", "test"};
constexpr std::uint8_t kNoPart = kPartNames.size();

void append_plain_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(start, i - start));
    start = i + 1;
    if (c == '"' || c == '\\') out.append({'\\', static_cast<char>(c)});
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else out.append("\\u00").append({kHex[c >> 4], kHex[c & 15]});
  }
  out.append(text.substr(start)) += '"';
}

void append_string(std::string& out, std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) append_plain_string(out, text);
  else append_plain_string(out, to_valid_utf8(text));
}

void append_double(std::string& out, double value) {
  if (std::isnan(value)) out += "\"nan\"";
  else if (std::isinf(value)) out += value > 0 ? "\"inf\"" : "\"-inf\"";
  else if (value == 0 && std::signbit(value)) out += "-0.0";  // "-0" would be read as the integer 0
  else fmt::format_to(std::back_inserter(out), "{}", value);
}

void append_cell(std::string& out, const Column& column, std::size_t row) {
  if (column.is_missing(row)) {
    out += "null";
    return;
  }
  switch (column.type()) {
    case ColumnType::kString:
      append_string(out, column.strings()[row]);
      break;
    case ColumnType::kFloat64:
      append_double(out, std::get<std::vector<double>>(column.cells)[row]);
      break;
    default:
      out += column.text(row);
  }
}

Json header_of(const Dataset& dataset) {
  Json columns = Json::array();
  for (const auto& column : dataset.table.schema())
    columns.push_back({{"name", column.name}, {"type", table::column_type_name(column.type)}});
  return {{"amas_dataset", kFormatVersion},
          {"columns", std::move(columns)},
          {"rows", dataset.table.rows()},
          {"parts",
           {{"train", dataset.split.training.size()},
            {"valid", dataset.split.validation.size()},
            {"test", dataset.split.test.size()}}}};
}

Error wrong_cell(std::string_view column, std::string_view what) {
  return invalid_argument(fmt::format("dataset cell is wrong: column \"{}\" needs {}", column, what));
}

using Value = simdjson::dom::element;

Status add_double(Column& column, Value value) {
  auto& cells = std::get<std::vector<double>>(column.cells);
  double number = 0;
  std::string_view word;
  if (value.get_double().get(number) == simdjson::SUCCESS) return cells.push_back(number), Status();
  if (value.get_string().get(word) == simdjson::SUCCESS) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (word == "inf") return cells.push_back(kInfinity), Status();
    if (word == "-inf") return cells.push_back(-kInfinity), Status();
    if (word == "nan") return cells.push_back(std::numeric_limits<double>::quiet_NaN()), Status();
  }
  return wrong_cell(column.name, "a number");
}

Status add_value(Column& column, Value value) {
  switch (column.type()) {
    case ColumnType::kString: {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return wrong_cell(column.name, "a string");
      column.strings().emplace_back(text);
      return {};
    }
    case ColumnType::kInt64: {
      std::int64_t number = 0;
      if (value.get_int64().get(number) != simdjson::SUCCESS)
        return wrong_cell(column.name, "a whole number");
      std::get<std::vector<std::int64_t>>(column.cells).push_back(number);
      return {};
    }
    case ColumnType::kBool: {
      bool truth = false;
      if (value.get_bool().get(truth) != simdjson::SUCCESS) return wrong_cell(column.name, "true or false");
      std::get<std::vector<std::uint8_t>>(column.cells).push_back(truth);
      return {};
    }
    case ColumnType::kFloat64:
      return add_double(column, value);
  }
  return {};
}

Status add_cell(Column& column, Value value) {
  const std::size_t row = column.size();
  if (!value.is_null()) {
    AMAS_CHECK(add_value(column, value));
    if (!column.missing.empty()) column.missing.push_back(0);
    return {};
  }
  std::visit([](auto& cells) { cells.emplace_back(); }, column.cells);
  column.missing.resize(row);
  column.missing.push_back(1);
  return {};
}

/// Reads a dataset line by line.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  Result<table::Table> read_first(std::size_t rows) {
    AMAS_CHECK(read_header(rows));
    AMAS_CHECK(read_rows());
    return table::Table::of(std::move(columns_));
  }

  Result<Dataset> read() {
    AMAS_CHECK(read_header(SIZE_MAX));
    AMAS_CHECK(read_rows());
    if (at_ < bytes_.size())
      return invalid_argument(fmt::format("dataset has more lines than its header says: {} rows", rows_));
    const std::array<std::size_t, 3> sizes{split_.training.size(), split_.validation.size(),
                                           split_.test.size()};
    for (std::size_t part = 0; part < sizes.size(); ++part)
      if (sizes[part] != sizes_[part])
        return invalid_argument(fmt::format("dataset's part differs from its header: {} has {} rows, not {}",
                                            kPartNames[part], sizes[part], sizes_[part]));
    AMAS_TRY(auto table, table::Table::of(std::move(columns_)));
    return Dataset{std::move(table), std::move(split_)};
  }

 private:
  std::string_view next_line() {
    const std::string_view rest = std::string_view(bytes_).substr(at_);
    const std::string_view line = rest.substr(0, rest.find('\n'));
    at_ = std::min(at_ + line.size() + 1, bytes_.size());
    return line;
  }

  Status read_rows() {
    for (std::size_t row = 0; row < rows_; ++row)
      if (auto status = read_row(row); !status)
        return status.error().at(fmt::format("dataset line {}", row + 2));
    return {};
  }

  Status read_header(std::size_t rows_max) {
    const auto header = parse_json(next_line(), {.bytes_max = kHeaderBytesMax});
    if (!header) return header.error().at("dataset line 1");
    const auto version = json_field<int>(*header, "amas_dataset");
    if (!version)
      return invalid_argument("not a dataset: its first line has no whole number \"amas_dataset\"");
    if (*version != kFormatVersion)
      return invalid_argument(fmt::format(
          "dataset has another format version: {}, known is {}; use a newer amas", *version, kFormatVersion));
    AMAS_TRY(rows_, json_field<std::uint64_t>(*header, "rows"));
    rows_ = std::min(rows_, rows_max);
    AMAS_TRY(const auto parts, json_field<Json>(*header, "parts"));
    for (std::size_t part = 0; part < kPartNames.size(); ++part) {
      AMAS_TRY(sizes_[part], json_field<std::uint64_t>(parts, kPartNames[part]));
    }
    AMAS_TRY(const auto columns, json_array<Json>(*header, "columns"));
    if (columns.size() > limits::kTableColumnsMax)
      return resource_exhausted(fmt::format("dataset has more columns than allowed: {} > {}", columns.size(),
                                            limits::kTableColumnsMax));
    // A cell takes two bytes at least, so that no false count makes us reserve much more than we were given.
    if (rows_ > bytes_.size() / (2 * columns.size() + 2))
      return invalid_argument(fmt::format("dataset is shorter than its header says: {} rows", rows_));
    for (const Json& column : columns) AMAS_CHECK(add_column(column));
    return {};
  }

  Status add_column(const Json& json) {
    AMAS_TRY(auto name, json_field<std::string>(json, "name"));
    AMAS_TRY(const auto type_name, json_field<std::string>(json, "type"));
    AMAS_TRY(const auto type, table::column_type_from_name(type_name));
    Column column{std::move(name), {}, {}};
    if (type == ColumnType::kInt64) column.cells.emplace<1>();
    if (type == ColumnType::kFloat64) column.cells.emplace<2>();
    if (type == ColumnType::kString) column.cells.emplace<3>();
    std::visit([&](auto& cells) { cells.reserve(rows_); }, column.cells);
    columns_.push_back(std::move(column));
    return {};
  }

  Status read_row(std::size_t row) {
    if (at_ >= bytes_.size())
      return invalid_argument(fmt::format("dataset ends before its {} rows do", rows_));
    const std::string_view line = next_line();
    simdjson::dom::element document;
    simdjson::dom::array cells;
    // What follows the line, and at the end the padding, is there for simdjson to read beyond it: no copy is
    // needed.
    if (parser_.parse(line.data(), line.size(), false).get(document) != simdjson::SUCCESS ||
        document.get_array().get(cells) != simdjson::SUCCESS)
      return invalid_argument("dataset row is no JSON array");
    if (cells.size() != columns_.size() + 1)
      return invalid_argument(
          fmt::format("dataset row must have {} elements, not {}", columns_.size() + 1, cells.size()));
    std::size_t index = 0;
    for (const Value cell : cells) {
      AMAS_CHECK(index == 0 ? add_part(cell, row) : add_cell(columns_[index - 1], cell));
      ++index;
    }
    return {};
  }

  Status add_part(Value value, std::size_t row) {
    if (value.is_null()) return {};
    std::string_view name;
    if (value.get_string().get(name) == simdjson::SUCCESS) {
      if (name == kPartNames[0]) return split_.training.push_back(row), Status();
      if (name == kPartNames[1]) return split_.validation.push_back(row), Status();
      if (name == kPartNames[2]) return split_.test.push_back(row), Status();
    }
    return invalid_argument("dataset row's part must be one of: \"train\", \"valid\", \"test\", null");
  }

  const simdjson::padded_string bytes_;
  std::size_t at_ = 0;
  std::size_t rows_ = 0;
  std::array<std::uint64_t, 3> sizes_{};
  std::vector<Column> columns_;
  Split split_;
  simdjson::dom::parser parser_;
};

}  // namespace

std::string to_bytes(const Dataset& dataset) {
  std::vector<std::uint8_t> parts(dataset.table.rows(), kNoPart);
  for (const std::size_t row : dataset.split.training) parts[row] = 0;
  for (const std::size_t row : dataset.split.validation) parts[row] = 1;
  for (const std::size_t row : dataset.split.test) parts[row] = 2;
  std::string bytes = dump_json(header_of(dataset)) + '\n';
  for (std::size_t row = 0; row < parts.size(); ++row) {
    if (parts[row] == kNoPart) bytes += "[null";
    else bytes.append("[\"").append(kPartNames[parts[row]]) += '"';
    for (const Column& column : dataset.table.columns()) {
      bytes += ',';
      append_cell(bytes, column, row);
    }
    bytes += "]\n";
  }
  return bytes;
}

Result<Dataset> dataset_from_bytes(std::string_view bytes) { return Reader(bytes).read(); }

Result<table::Table> first_rows(std::string_view bytes, std::size_t rows) {
  std::size_t end = 0;
  for (std::size_t lines = 0; lines <= rows && end < bytes.size(); ++lines)
    end = std::min(bytes.find('\n', end), bytes.size() - 1) + 1;
  return Reader(bytes.substr(0, end)).read_first(rows);
}

}  // namespace amas::data
