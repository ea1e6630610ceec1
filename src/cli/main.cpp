// amas: the command line and the server.

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "cli/session.h"

namespace amas::cli {
namespace {

constexpr const char* kDescription =
    "amas takes data to a trained, optimised, served and watched model.\n\n"
    "Examples:\n"
    "  amas run examples/spam.yaml            data to a deployed model, in one go\n"
    "  amas serve                             serve what is deployed\n"
    "  amas predict spam \"You have won\"       ask a model\n"
    "  amas model show spam --lineage         where a model comes from\n"
    "  amas monitor                           traffic, latency, drift and anomalies, live\n";

std::filesystem::path default_home() {
  if (const char* home = std::getenv("AMAS_HOME"); home != nullptr && *home != '\0') return home;
  const char* user = std::getenv("HOME");
  return std::filesystem::path(user != nullptr ? user : ".") / ".amas";
}

void print_error(const Error& error, bool json) {
  if (json) {
    Session::print({{"error", {{"code", code_name(error.code)}, {"message", error.message}}}});
    return;
  }
  const bool colour = ::isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  std::fputs(
      fmt::format("{} {}\n", colour ? "\033[31;1merror:\033[0m" : "error:", printable(error.message)).c_str(),
      stderr);
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

int run(int count, char** arguments) {
  Session session;
  session.home = default_home();
  Action action;
  bool version = false;
  CLI::App app(kDescription, "amas");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.get_formatter()->column_width(34);
  app.add_option("--home", session.home, "Where amas keeps everything [$AMAS_HOME, else ~/.amas]")
      ->type_name("DIR");
  app.add_flag("--json", session.json, "Print JSON for machines");
  app.add_flag("--version", version, "Print the version of amas and of its engines");
  add_run_commands(app, session, action);
  add_model_commands(app, session, action);
  add_serve_commands(app, session, action);
  add_monitor_command(app, session, action);
  add_doctor_command(app, session, action);
  add_completion_command(app, session, action);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return error.get_exit_code() == 0 ? app.exit(error)
                                      : (app.exit(error), exit_status(Code::kInvalidArgument));
  }
  if (version) {
    if (session.json) Session::print(versions(session));
    else std::fputs(version_text(session).c_str(), stdout);
    return 0;
  }
  if (!action) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  const Status status = action();
  if (status) return 0;
  print_error(status.error(), session.json);
  return exit_status(status.error().code);
}

}  // namespace
}  // namespace amas::cli

int main(int count, char** arguments) {
  // A reader that goes away (`amas … | head`) and a full disk under a file limit are errors to report, not to
  // die from.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return amas::cli::run(count, arguments);
}
