#include "table/table.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "base/text.h"

namespace amas::table {
namespace {

constexpr std::array<std::string_view, 4> kTypeNames{"bool", "int64", "float64", "string"};

}  // namespace

std::string_view column_type_name(ColumnType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

Result<ColumnType> column_type_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kTypeNames.size(); ++i)
    if (kTypeNames[i] == name) return static_cast<ColumnType>(i);
  return invalid_argument(
      fmt::format("unknown column type: {}; known: {}", name, fmt::join(kTypeNames, ", ")));
}

std::size_t Column::size() const {
  return std::visit([](const auto& values) { return values.size(); }, cells);
}

std::string Column::text(std::size_t row) const {
  if (is_missing(row)) return {};
  switch (type()) {
    case ColumnType::kBool:
      return std::get<0>(cells)[row] ? "true" : "false";
    case ColumnType::kInt64:
      return fmt::format("{}", std::get<1>(cells)[row]);
    case ColumnType::kFloat64:
      return fmt::format("{}", std::get<2>(cells)[row]);
    case ColumnType::kString:
      return strings()[row];
  }
  return {};
}

Result<Table> Table::of(std::vector<Column> columns) {
  if (columns.size() > limits::kTableColumnsMax)
    return resource_exhausted(fmt::format("table has more columns than allowed: {} > {}", columns.size(),
                                          limits::kTableColumnsMax));
  std::set<std::string_view> names;
  for (const Column& column : columns) {
    if (column.name.empty()) return invalid_argument("a column has no name; give every column one");
    if (!names.insert(column.name).second)
      return invalid_argument(fmt::format("two columns have the same name: {}", column.name));
    if (column.size() != columns[0].size() ||
        (!column.missing.empty() && column.missing.size() != column.size()))
      return invalid_argument(fmt::format("columns differ in length: {} has {} cells, {} has {}",
                                          columns[0].name, columns[0].size(), column.name, column.size()));
  }
  Table table;
  table.columns_ = std::move(columns);
  return table;
}

std::vector<ColumnSchema> Table::schema() const {
  std::vector<ColumnSchema> schema;
  for (const Column& column : columns_) schema.push_back({column.name, column.type()});
  return schema;
}

const Column* Table::find(std::string_view name) const {
  for (const Column& column : columns_)
    if (column.name == name) return &column;
  return nullptr;
}

Result<const Column*> Table::column(std::string_view name) const {
  if (const Column* found = find(name)) return found;
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  const auto near = nearest(name, names);
  return invalid_argument(fmt::format("no such column: \"{}\"{}; columns: {}", name,
                                      near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                      fmt::join(names, ", ")));
}

Table Table::take(const std::vector<std::size_t>& rows) const {
  Table taken;
  for (const Column& column : columns_) {
    Column part{column.name, {}, {}};
    std::visit(
        [&](const auto& values) {
          std::decay_t<decltype(values)> picked;
          picked.reserve(rows.size());
          for (const std::size_t row : rows) picked.push_back(values[row]);
          part.cells = std::move(picked);
        },
        column.cells);
    if (!column.missing.empty())
      for (const std::size_t row : rows) part.missing.push_back(column.missing[row]);
    taken.columns_.push_back(std::move(part));
  }
  return taken;
}

}  // namespace amas::table
