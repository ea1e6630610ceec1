// amas: the command line and the server.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <span>
#include <string_view>

#include "base/text.h"
#include "cli/session.h"
#include "cli/usage.h"

namespace amas::cli {
namespace {

constexpr const char* kDescription = "amas takes data to a trained, optimised, served and watched model.";
constexpr const char* kExamples =
    "Examples:\n"
    "  amas run examples/spam.yaml            data to a deployed model, in one go\n"
    "  amas serve                             serve what is deployed\n"
    "  amas predict spam \"You have won\"       ask a model\n"
    "  amas model show spam --lineage         where a model comes from\n"
    "  amas monitor                           traffic, latency, drift and anomalies, live\n"
    "\n`amas help COMMAND` shows the examples of a command.";

void print_error(const Error& error, bool json) {
  if (json) return Session::print({{"error", {{"code", code_name(error.code)}, {"message", error.message}}}});
  print_error_text(fmt::format(
      "{} {}\n", error_has_colours() ? "\033[31;1merror:\033[0m" : "error:", printable(error.message)));
}

int end_with(const Error& error, bool json) {
  print_error(error, json);
  return exit_status(error.code);
}

// Whether the line asks for JSON, for the case that it cannot be parsed.
bool asks_for_json(std::span<char*> arguments) {
  const auto end = std::ranges::find(arguments, std::string_view("--"));
  return std::find(arguments.begin(), end, std::string_view("--json")) != end;
}

// `--json=no` would be taken for `--json` with the other meaning, `--list=3` for `--list`.
void refuse_values_of_flags(CLI::App& app) {
  for (CLI::Option* option : app.get_options())
    if (option->get_expected_max() == 0) option->disable_flag_override();
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; }))
    refuse_values_of_flags(*command);
}

std::string version_text(Session& session) {
  std::string text;
  const Json installed = versions(session);
  for (const auto& [name, version] : installed.items())
    if (version.is_object())
      for (const auto& [part, value] : version.items())
        text += fmt::format("{} {}\n", part, value.get<std::string>());
    else text += fmt::format("{} {}\n", name, version.get<std::string>());
  return text;
}

void add_commands(CLI::App& app, Session& session, Action& action) {
  add_run_commands(app, session, action);
  add_model_commands(app, session, action);
  add_deploy_command(app, session, action);
  add_serve_command(app, session, action);
  add_predict_command(app, session, action);
  add_monitor_command(app, session, action);
  add_doctor_command(app, session, action);
  add_completion_command(app, session, action);
  add_help_command(app, action);
}

// Commands that answer without one.
bool needs_home(const CLI::App& command) {
  const std::string name = full_name(command);
  return name != "amas" && name != "amas help" && name != "amas completion" && name != "amas __complete";
}

int run(std::span<char*> arguments) {
  Session session;
  session.home = default_home();
  Action action;
  bool version = false;
  CLI::App app(kDescription, "amas");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.get_formatter()->column_width(kHelpColumn);
  app.footer(kExamples);
  app.add_option("--home", session.home, "Where amas keeps everything [$AMAS_HOME, else ~/.amas]")
      ->type_name("DIR");
  app.add_flag("--json", session.json, "Print JSON for machines");
  app.add_flag("--version", version, "Print the version of amas and of its engines");
  add_commands(app, session, action);
  refuse_values_of_flags(app);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::CallForHelp&) {
    print_help(named_command(app));
    return 0;
  } catch (const CLI::ParseError& error) {
    return end_with(usage_error(app, error), asks_for_json(arguments));
  }
  if (session.home.empty() && app.count("--home") > 0)
    return end_with(invalid_argument("--home names no folder; leave it out for ~/.amas"), session.json);
  if (session.home.empty() && needs_home(named_command(app))) return end_with(no_home(), session.json);
  if (version) {
    if (session.json) Session::print(versions(session));
    else print_text(version_text(session));
    return 0;
  }
  if (!action) {
    print_help(app);
    return 0;
  }
  const Status status = action();
  return status ? 0 : end_with(status.error(), session.json);
}

}  // namespace
}  // namespace amas::cli

int main(int count, char** arguments) {
  amas::cli::keep_standard_streams();
  // A reader that goes away (`amas … | head`) and a full disk under a file limit are errors to report, not to
  // die from.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return amas::cli::run({arguments, static_cast<std::size_t>(count)});
}
