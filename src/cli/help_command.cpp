#include <string>
#include <vector>

#include "cli/session.h"
#include "cli/usage.h"

namespace amas::cli {

void add_help_command(CLI::App& app, Action& action) {
  auto path = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("help", "Show what a command does, its options and examples");
  command->add_option("command", *path, "Such as: run, or: model show")->type_name("");
  command->footer("Examples:\n  amas help run\n  amas help model show");
  command->callback([&app, &action, path] {
    action = [&app, path]() -> Status {
      AMAS_TRY(const CLI::App* shown, find_command(app, *path));
      print_help(*shown);
      return {};
    };
  });
}

}  // namespace amas::cli
