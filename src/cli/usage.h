#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace amas::cli {

/// What is wrong with a command line that CLI11 refused: names the word, the nearest known one where there is
/// one, and the help that tells more.
Error usage_error(const CLI::App& app, const CLI::ParseError& error);

/// The command of a path such as {"model", "show"}; no words: the program itself.
///
/// Errors: kInvalidArgument, with the nearest known name, when there is no such command.
Result<const CLI::App*> find_command(const CLI::App& app, const std::vector<std::string>& path);

/// The column in which help explains a word.
inline constexpr std::size_t kHelpColumn = 34;

/// Prints what `--help` shows for a command: what it does, its words, its options and examples.
void print_help(const CLI::App& command);

/// The innermost command that a parsed line names.
const CLI::App& named_command(const CLI::App& app);

/// A command with those that it belongs to, such as "amas model show".
std::string full_name(const CLI::App& command);

/// The names of the commands of a command, without hidden ones.
std::vector<std::string> command_names(const CLI::App& command);

/// The names of the options of a command, and of those that it belongs to.
std::vector<std::string> option_names(const CLI::App& command);

/// kNotFound for a name of such a thing ("model") that is not there: with the nearest, and those that are.
Error unknown_name(const std::string& thing, const std::string& name, const std::vector<std::string>& known);

/// `; did you mean "spam"?` when a candidate is near to `word`, else nothing.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates);

/// An option's value must be a whole number of this range.
CLI::Validator whole_number(std::int64_t low, std::int64_t high);
/// An option's value must be a number of this range.
CLI::Validator number(double low, double high);
/// An option's value must be one of these words.
CLI::Validator one_of(const std::vector<std::string>& words);

}  // namespace amas::cli
