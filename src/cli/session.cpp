#include "cli/session.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/install.h"
#include "base/text.h"
#include "engines/duckdb/duckdb_reader.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "pipeline/worker_process.h"

namespace amas::cli {

Result<store::Store*> Session::store() {
  if (!store_) {
    AMAS_TRY(store_, store::Store::open(home));
  }
  return store_.get();
}

Result<engine::Engine*> Session::engine() {
  if (!engine_) {
    AMAS_TRY(const auto library, find_installed(kOnnxRuntimeLibrary));
    AMAS_TRY(engine_, engines::open_onnxruntime(library));
  }
  return engine_.get();
}

Result<table::TableReader*> Session::reader() {
  if (!reader_) {
    AMAS_TRY(const auto library, find_installed(kDuckDbLibrary));
    reader_ = engines::make_duckdb_reader(library);
  }
  return reader_.get();
}

void Session::print(const Json& document) {
  std::fputs((dump_json(document) + "\n").c_str(), stdout);
  std::fflush(stdout);
}

bool is_terminal() {
  static const bool terminal = [] {
    const char* term = std::getenv("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr && term != nullptr &&
           std::string_view(term) != "dumb";
  }();
  return terminal;
}

std::string coloured(const std::string& text, const char* code) {
  return is_terminal() ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
}

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string bars_text(const std::vector<double>& values, double highest) {
  static constexpr std::array<const char*, 9> kBars{"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string bars;
  for (const double value : values) {
    const double share = highest > 0 ? std::clamp(value / highest, 0.0, 1.0) : 0;
    bars += kBars[static_cast<std::size_t>(std::ceil(8 * share))];
  }
  return bars;
}

void print_text(const std::string& text) { std::fputs(text.c_str(), stdout); }

std::string count_of(std::uint64_t count, std::string_view one) {
  return fmt::format("{} {}{}", count, one, count == 1 ? "" : "s");
}

std::string format_table(std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths;
  for (auto& row : rows)
    for (std::string& cell : row) cell = printable(cell);
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], text_width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - text_width(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

Json versions(Session& session) {
  Json all{{"amas", AMAS_VERSION}};
  const auto keep = [&](const char* name, const auto& result, const auto& version_of) {
    all[name] = result ? Json(version_of(*result)) : Json("missing: " + result.error().message);
  };
  keep("onnxruntime", session.engine(), [](engine::Engine* engine) { return engine->version(); });
  keep("duckdb", session.reader(), [](table::TableReader* reader) { return reader->version(); });
  const auto program = find_installed(kWorkerProgram);
  const auto worker = program ? pipeline::worker_version(*program) : Result<Json>(program.error());
  keep("worker", worker, [](const Json& version) { return version; });
  return all;
}

}  // namespace amas::cli
