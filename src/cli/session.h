#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "engine/engine.h"
#include "store/store.h"
#include "table/table.h"

namespace amas::cli {

/// What all commands share: the global options, and the parts of amas that a command asks for. Parts are
/// opened when first asked for, so that `amas predict` does not pay for what it does not use.
class Session {
 public:
  std::filesystem::path home;  ///< --home, $AMAS_HOME or ~/.amas
  bool json = false;           ///< --json: machines read our output

  /// The store of the home.
  Result<store::Store*> store();
  /// ONNX Runtime.
  Result<engine::Engine*> engine();
  /// DuckDB.
  Result<table::TableReader*> reader();

  /// Prints a document for machines, on a line of its own.
  static void print(const Json& document);

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<table::TableReader> reader_;
};

/// Whether standard output is a terminal that may be written to with colours and cursor moves ($NO_COLOR,
/// $TERM).
bool is_terminal();

/// `text` in a colour of the terminal (an SGR code such as "1", "32", "33;1"); plain elsewhere.
std::string coloured(const std::string& text, const char* code);

/// A table in plain text with aligned columns; the first row is the heading. Cells may hold foreign text:
/// what a terminal would act on is escaped.
std::string format_table(std::vector<std::vector<std::string>> rows);

/// Columns that a text takes on a terminal: its code points, which is right where none is wide.
std::size_t text_width(std::string_view text);

/// A bar for each value, as high as its share of `highest`; one that is not zero shows.
std::string bars_text(const std::vector<double>& values, double highest);

/// Prints for people, on standard output. Foreign text in it must have gone through printable().
void print_text(const std::string& text);

/// "1 row", "3 rows".
std::string count_of(std::uint64_t count, std::string_view one);

/// What a command does once its options are known.
using Action = std::function<Status()>;

/// Declares commands on `app`; the one that the user names sets `action`.
void add_run_commands(CLI::App& app, Session& session, Action& action);        ///< run, data, train, optimise
void add_data_commands(CLI::App& data, Session& session, Action& action);      ///< data list, show, look
void add_model_commands(CLI::App& app, Session& session, Action& action);      ///< model, deploy
void add_serve_commands(CLI::App& app, Session& session, Action& action);      ///< serve, predict
void add_monitor_command(CLI::App& app, Session& session, Action& action);     ///< monitor
void add_doctor_command(CLI::App& app, Session& session, Action& action);      ///< doctor
void add_completion_command(CLI::App& app, Session& session, Action& action);  ///< completion

/// Versions of amas and of every library that it loads or starts; those that are missing say so.
Json versions(Session& session);

}  // namespace amas::cli
