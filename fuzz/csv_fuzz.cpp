// A CSV file of any bytes gets a dialect or a reason; its copy with equal line ends has the same rows and one
// kind of line end, and every row begins on a line of the file.

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/file.h"
#include "engines/duckdb/csv_lines.h"

namespace {

using namespace amas::engines::duckdb;

void expect(bool right) {
  if (!right) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const amas::TemporaryFolder folder;
  const amas::fs::path file = folder.path() / "any.csv", copy = folder.path() / "copy.csv";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto dialect = csv_dialect(text, true);
  if (!dialect) return 0;
  std::ofstream(file, std::ios::binary) << text;
  const auto lines = look_at_lines(file, *dialect);
  if (!lines) return 0;
  expect(copy_with_line_feeds(file, *dialect, copy).has_value());
  const auto copied = look_at_lines(copy, *dialect);
  expect(copied && !copied->mixed_ends);
  for (std::uint64_t row = 1; row <= 4; ++row) {
    const auto line = line_of_row(file, *dialect, row), line_of_copy = line_of_row(copy, *dialect, row);
    expect(line && line_of_copy && *line >= row && *line == *line_of_copy);
  }
  return 0;
}
