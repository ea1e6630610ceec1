#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "cli/session.h"
#include "cli/usage.h"

namespace amas::cli {
namespace {

// What may follow a command: its subcommands and options. Keys are paths such as "model show".
using Words = std::map<std::string, std::vector<std::string>>;

void collect(const CLI::App& app, const std::string& path, Words& words) {
  std::vector<std::string>& mine = words[path];
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    mine.push_back(command->get_name());
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), words);
  }
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) mine.push_back("--" + name);
}

// One `case` arm for each command.
std::string arms(const Words& words) {
  std::string text;
  for (const auto& [path, list] : words)
    text += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, fmt::join(list, " "));
  return text;
}

// Both shells walk the line the same way: a word that is a command of the path so far lengthens the path;
// names of deployments come from amas itself, specs and folders are files.
std::string completion_function(const Words& words) {
  return fmt::format(R"sh(_amas_words() {{
  local path="" word words
  for word in "$@"; do
    case " $(_amas_list "$path") " in
      *" $word "*) case "$word" in -*) ;; *) path="${{path:+$path }}$word" ;; esac ;;
    esac
  done
  _amas_list "$path"
  case "$path" in
    predict|deploy|"model show"|"model export") amas deploy --list 2>/dev/null | awk 'NR > 1 {{print $1}}' ;;
  esac
}}
_amas_list() {{
  local words=""
  case "$1" in
{}  esac
  echo "$words"
}}
)sh",
                     arms(words));
}

constexpr const char* kBash = R"sh(_amas() {
  local current="${COMP_WORDS[COMP_CWORD]}"
  local words="$(_amas_words "${COMP_WORDS[@]:1:COMP_CWORD-1}")"
  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}
complete -o filenames -F _amas amas
)sh";

constexpr const char* kZsh = R"sh(_amas() {
  local -a candidates
  candidates=(${=$(_amas_words ${words[2,CURRENT-1]})})
  compadd -a candidates
  _files
}
compdef _amas amas
)sh";

}  // namespace

void add_completion_command(CLI::App& app, Session&, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(one_of({"bash", "zsh"}))
      ->type_name("SHELL");
  command->footer(
      "\nExamples:\n  source <(amas completion bash)\n  amas completion zsh > ~/.zsh/_amas.zsh   # and "
      "source it");
  command->callback([&app, &action, shell] {
    action = [&app, shell]() -> Status {
      Words words;
      collect(app, "", words);
      print_text(completion_function(words) + (*shell == "bash" ? kBash : kZsh));
      return {};
    };
  });
}

}  // namespace amas::cli
