#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/output.h"
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

  /// Prints a document for machines, on a line of its own. Fails as print_text does.
  static void print(const Json& document);

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<table::TableReader> reader_;
};

/// What a command does once its options are known.
using Action = std::function<Status()>;

/// Declares commands on `app`; the one that the user names sets `action`.
void add_run_commands(CLI::App& app, Session& session, Action& action);        ///< run, data, train, optimise
void add_model_commands(CLI::App& app, Session& session, Action& action);      ///< model, deploy
void add_serve_commands(CLI::App& app, Session& session, Action& action);      ///< serve, predict
void add_monitor_command(CLI::App& app, Session& session, Action& action);     ///< monitor
void add_doctor_command(CLI::App& app, Session& session, Action& action);      ///< doctor
void add_completion_command(CLI::App& app, Session& session, Action& action);  ///< completion
void add_help_command(CLI::App& app, Action& action);                          ///< help

/// Versions of amas and of every library that it loads or starts; those that are missing say so.
Json versions(Session& session);

}  // namespace amas::cli
