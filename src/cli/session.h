#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/output.h"
#include "engine/engine_set.h"
#include "store/store.h"
#include "table/table.h"

namespace amas::cli {

/// What all commands share: the global options, and the parts of amas that a command asks for. Parts are
/// opened when first asked for, so that `amas predict` does not pay for what it does not use.
class Session {
 public:
  std::filesystem::path home;  ///< --home, $AMAS_HOME or ~/.amas
  bool json = false;           ///< --json: machines read our output

  /// The store of the home, which is made where there is none.
  ///
  /// Errors: kInvalidArgument when the home is no folder; those of Store::open.
  Result<store::Store*> store();
  /// The store of a home that is there.
  ///
  /// Errors: those of check_home and Store::open.
  Result<store::Store*> store_to_change();
  /// The same only for reading; write access is not needed.
  ///
  /// Errors: those of check_home and Store::open_to_read.
  Result<const store::Store*> store_to_read();
  /// Whether there is a home.
  ///
  /// Errors: kNotFound, with what makes one; kInvalidArgument when it is no folder; kPermissionDenied.
  Status check_home() const;
  /// ONNX Runtime.
  Result<engine::EngineSet*> engine();
  /// DuckDB.
  Result<table::TableReader*> reader();

  /// Prints a document for machines, on a line of its own. Fails as print_text does.
  static void print(const Json& document);

 private:
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<const store::Store> store_to_read_;
  std::unique_ptr<engine::EngineSet> engine_;
  std::unique_ptr<table::TableReader> reader_;
};

/// Where a home is when no option says so: $AMAS_HOME, else .amas in $HOME; empty when neither is set, or to
/// nothing.
std::filesystem::path default_home();

/// What a command that needs a home ends with when there is no place for one.
Error no_home();

/// A deployment by its name.
///
/// Errors: kNotFound, with the nearest name and those that are there.
Result<store::Deployment> find_deployment(const store::Store& store, const std::string& name);

/// What a command does once its options are known.
using Action = std::function<Status()>;

/// Declares commands on `app`; the one that the user names sets `action`.
void add_run_commands(CLI::App& app, Session& session, Action& action);        ///< run, data, train, optimise
void add_data_commands(CLI::App& data, Session& session, Action& action);      ///< data list, show, look
void add_model_commands(CLI::App& app, Session& session, Action& action);      ///< model
void add_import_command(CLI::App& model, Session& session, Action& action);    ///< model import
void add_deploy_command(CLI::App& app, Session& session, Action& action);      ///< deploy
void add_serve_command(CLI::App& app, Session& session, Action& action);       ///< serve
void add_predict_command(CLI::App& app, Session& session, Action& action);     ///< predict
void add_monitor_command(CLI::App& app, Session& session, Action& action);     ///< monitor
void add_doctor_command(CLI::App& app, Session& session, Action& action);      ///< doctor
void add_completion_command(CLI::App& app, Session& session, Action& action);  ///< completion
void add_help_command(CLI::App& app, Action& action);                          ///< help

/// Versions of amas and of every library that it loads or starts; those that are missing say so.
Json versions(Session& session);

}  // namespace amas::cli
