#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "cli/session.h"
#include "cli/usage.h"

namespace amas::cli {
namespace {

using Words = std::vector<std::string>;

// The shells hand the line over to amas, which knows its commands and the names in the home. No answer stands
// for the name of a file, which the shell completes itself.
constexpr const char* kBash = R"sh(_amas() {
  local program="${COMP_WORDS[0]/#\~/$HOME}"
  mapfile -t COMPREPLY < <("$program" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _amas amas
)sh";

constexpr const char* kZsh = R"sh(_amas() {
  local -a found
  found=(${(f)"$(${~words[1]} __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#found} )); then compadd -a found; else _files; fi
}
compdef _amas amas
)sh";

// What the words before the cursor say.
struct Line {
  const CLI::App* command = nullptr;       ///< the innermost
  const CLI::Option* expecting = nullptr;  ///< the option whose value stands at the cursor
  Words words;                             ///< of it that are neither commands nor options
  Words options;                           ///< that are given
  std::string home;                        ///< as given; empty: not given
  bool only_words = false;                 ///< behind --
};

const CLI::Option* find_option(const CLI::App* command, const std::string& word) {
  for (; command != nullptr; command = command->get_parent())
    if (const CLI::Option* option = command->get_option_no_throw(word); option != nullptr) return option;
  return nullptr;
}

void read_option(const std::string& word, Line& line) {
  const std::string name = word.substr(0, word.find('='));
  line.options.push_back(name);
  const CLI::Option* option = find_option(line.command, name);
  if (option == nullptr || option->get_expected_max() == 0) return;
  if (name == word) line.expecting = option;
  else if (name == "--home") line.home = word.substr(name.size() + 1);
}

Line read_line(const CLI::App& app, const Words& words) {
  Line line;
  line.command = &app;
  for (const std::string& word : words) {
    if (word == "=") continue;  // bash parts --home=x into three words.
    if (line.expecting != nullptr) {
      if (line.expecting->check_lname("home")) line.home = word;
      line.expecting = nullptr;
    } else if (word == "--") {
      line.only_words = true;
    } else if (!line.only_words && word.starts_with("-")) {
      read_option(word, line);
    } else if (const auto command = find_command(*line.command, {word}); command && !line.only_words) {
      line.command = *command;
    } else {
      line.words.push_back(word);
    }
  }
  return line;
}

template <class List, class Name>
Words names_of(const List& list, Name name) {
  Words names;
  if (list)
    for (const auto& one : *list) names.push_back(name(one));
  return names;
}

Words models_of(const store::Store& store) {
  return names_of(store.models(), [](const auto& version) { return version.model; });
}
Words deployments_of(const store::Store& store) {
  return names_of(store.deployments(), [](const auto& deployment) { return deployment.name; });
}
Words datasets_of(const store::Store& store) {
  return names_of(store.datasets(), [](const auto& dataset) { return dataset.name; });
}

// The names of the home that the first word of a command may be.
Words names_in_home(Session& session, const Line& line) {
  static const std::map<std::string, Words (*)(const store::Store&)> kNames{{"amas model show", models_of},
                                                                            {"amas model export", models_of},
                                                                            {"amas deploy", models_of},
                                                                            {"amas predict", deployments_of},
                                                                            {"amas data show", datasets_of}};
  const auto names = kNames.find(full_name(*line.command));
  if (names == kNames.end() || !line.words.empty()) return {};
  if (const char* user = std::getenv("HOME"); user != nullptr && line.home.starts_with("~/"))
    session.home = user + line.home.substr(1);
  else if (!line.home.empty()) session.home = line.home;
  const auto store = session.store_to_read();
  if (!store) return {};
  return std::ranges::find(line.options, "--remove") != line.options.end() ? deployments_of(**store)
                                                                           : names->second(**store);
}

Words values_of(const CLI::Option& option) {
  static const std::map<std::string, Words> kValues{{"variant", {"fp32", "int8", "pruned", "pruned-int8"}},
                                                    {"log-level", {"debug", "info", "warn"}},
                                                    {"format", {"csv", "jsonl", "parquet", "mail"}}};
  for (const auto& [name, values] : kValues)
    if (option.check_lname(name)) return values;
  return {};
}

// All that may stand at the cursor.
Words candidates(Session& session, const CLI::App& app, const Line& line, bool begins_with_dash) {
  if (line.expecting != nullptr) return values_of(*line.expecting);
  if (begins_with_dash) return line.only_words ? Words() : option_names(*line.command);
  const std::string command = full_name(*line.command);
  if (command == "amas completion") return {"bash", "zsh"};
  if (command == "amas help") {
    const auto shown = find_command(app, line.words);
    return shown ? command_names(**shown) : Words();
  }
  if (const Words commands = command_names(*line.command); !commands.empty()) return commands;
  return names_in_home(session, line);
}

Status complete(Session& session, const CLI::App& app, Words words) {
  if (words.empty()) words.emplace_back();
  std::string current = words.back();
  words.pop_back();
  if (current == "=") current.clear();
  Words found = candidates(session, app, read_line(app, words), current.starts_with("-"));
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  std::string text;
  for (const std::string& word : found)
    if (word.starts_with(current)) text += word + "\n";
  print_text(text);
  return {};
}

}  // namespace

void add_completion_command(CLI::App& app, Session& session, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print the completion script of a shell");
  command->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(one_of({"bash", "zsh"}))
      ->type_name("SHELL");
  command->footer(
      "Examples:\n  source <(amas completion bash)                      in ~/.bashrc\n"
      "  autoload -U compinit; compinit; source <(amas completion zsh)   in ~/.zshrc");
  command->callback([&action, shell] {
    action = [shell]() -> Status {
      print_text(*shell == "bash" ? kBash : kZsh);
      return {};
    };
  });
  auto words = std::make_shared<Words>();
  CLI::App* asked = app.add_subcommand("__complete", "What the scripts call")->group("");
  asked->add_option("word", *words, "The words of the line up to the cursor");
  asked->callback([&app, &session, &action, words] {
    action = [&app, &session, words] { return complete(session, app, *words); };
  });
}

}  // namespace amas::cli
