#include "cli/usage.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "cli/output.h"

namespace amas::cli {
namespace {

constexpr std::size_t kRoomy = 60;  // columns of a terminal with room for two columns of help
constexpr std::size_t kIndent = 4;

bool takes_words(const CLI::App& app) {
  return std::ranges::any_of(app.get_options(),
                             [](const CLI::Option* option) { return option->get_positional(); });
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  const auto names = command_names(app);
  return fmt::format("unknown command: {} {}{}; its commands: {}", full_name(app), word,
                     suggestion(word, names), fmt::join(names, ", "));
}

std::string unknown_word(const CLI::App& command, const std::string& word) {
  if (word.starts_with("-") && word.size() > 1) {
    const std::string name = word.substr(0, word.find('='));
    return fmt::format("unknown option: {}{}{}", name, suggestion(name, option_names(command)),
                       takes_words(command) ? "; a word that begins with a dash goes behind --" : "");
  }
  if (!command_names(command).empty() && !takes_words(command)) return unknown_command(command, word);
  return fmt::format("one word too many for {}: {}; quote a text of several words", full_name(command), word);
}

std::string missing_word(const CLI::App& command, const CLI::ParseError& error) {
  if (const auto names = command_names(command); !names.empty())
    return fmt::format("name one of the commands of {}: {}", full_name(command), fmt::join(names, ", "));
  return fmt::format("{} needs more: {}", full_name(command), error.what());
}

bool parses(const std::string& text, auto& value) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size();
}

}  // namespace

const CLI::App& named_command(const CLI::App& app) {
  const CLI::App* command = &app;
  for (auto next = command->get_subcommands(); !next.empty(); next = command->get_subcommands())
    command = next.front();
  return *command;
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) names.push_back(command->get_name());  // Else it is hidden.
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* level = &app; level != nullptr; level = level->get_parent())
    for (const CLI::Option* option : level->get_options())
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : full_name(*app.get_parent()) + " " + app.get_name();
}

Error usage_error(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = named_command(app);
  const std::string see = fmt::format("; see `{} --help`", full_name(command));
  // CLI11 may notice what is missing before it notices a misspelt word in its place.
  std::vector<std::string> left = app.remaining(true);
  std::erase(left, "--");
  const auto option =
      std::ranges::find_if(left, [](const std::string& word) { return word.starts_with("-"); });
  if (option != left.end()) return invalid_argument(unknown_word(command, *option) + see);
  if (!left.empty()) return invalid_argument(unknown_word(command, left.front()) + see);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return invalid_argument(missing_word(command, error) + see);
  const std::string what = error.what();
  if (what.ends_with("flag override"))
    return invalid_argument(
        fmt::format("a flag takes no value: --{}{}", what.substr(0, what.find(' ')), see));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return invalid_argument(fmt::format("wrong number of values: {}{}", what, see));
  return invalid_argument(what + see);
}

Result<const CLI::App*> find_command(const CLI::App& app, const std::vector<std::string>& path) {
  const CLI::App* command = &app;
  for (const std::string& word : path) {
    const auto all = command->get_subcommands([](const CLI::App*) { return true; });
    const auto found = std::ranges::find(all, word, [](const CLI::App* one) { return one->get_name(); });
    if (found == all.end()) return invalid_argument(unknown_word(*command, word));
    command = *found;
  }
  return command;
}

void print_help(const CLI::App& command) {
  const std::size_t columns = terminal_size().columns;
  // Not command.help(): where a subcommand was named, that shows the subcommand's.
  const std::string help =
      command.get_formatter()->make_help(&command, full_name(command), CLI::AppFormatMode::Normal);
  std::string text;
  for (const std::string_view line : split_at(trim(help), '\n'))
    text += wrap_to_width(line, columns,
                          !line.starts_with(" ") ? 0
                          : columns < kRoomy     ? kIndent
                                                 : kHelpColumn) +
            "\n";
  if (command.get_parent() != nullptr)
    text += "\n" +
            wrap_to_width("Options of every command: --home DIR, --json; see `amas --help`", columns, 0) +
            "\n";
  print_text(text);
}

Error unknown_name(const std::string& thing, const std::string& name, const std::vector<std::string>& known) {
  if (known.empty())
    return not_found(
        fmt::format("no such {}: {}; there is none yet, make one with `amas run SPEC.yaml`", thing, name));
  return not_found(fmt::format("no such {}: {}{}; there are: {}", thing, name, suggestion(name, known),
                               fmt::join(known, ", ")));
}

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates) {
  const auto found = nearest(word, candidates);
  return found ? fmt::format("; did you mean \"{}\"?", *found) : "";
}

CLI::Validator whole_number(std::int64_t low, std::int64_t high) {
  const auto check = [low, high](const std::string& text) {
    std::int64_t value = 0;
    if (parses(text, value) && value >= low && value <= high) return std::string();
    return fmt::format("must be a whole number from {} to {}, not \"{}\"", low, high, text);
  };
  return CLI::Validator(check, std::string());
}

CLI::Validator number(double low, double high) {
  const auto check = [low, high](const std::string& text) {
    double value = 0;
    if (parses(text, value) && value >= low && value <= high) return std::string();
    return fmt::format("must be a number from {} to {}, not \"{}\"", low, high, text);
  };
  return CLI::Validator(check, std::string());
}

CLI::Validator one_of(const std::vector<std::string>& words) {
  const auto check = [words](const std::string& text) {
    if (std::ranges::find(words, text) != words.end()) return std::string();
    return fmt::format("must be {}, not \"{}\"{}", fmt::join(words, " or "), text, suggestion(text, words));
  };
  return CLI::Validator(check, std::string());
}

}  // namespace amas::cli
