#include "cli/usage.h"

#include <gtest/gtest.h>

namespace amas::cli {
namespace {

// What is said to a line, with commands as the program has them.
std::string said_to(std::vector<std::string> line) {
  CLI::App app("about", "amas");
  app.fallthrough();
  app.require_subcommand(0, 1);
  std::string text;
  app.add_option("--home", text);
  CLI::App* model = app.add_subcommand("model", "about")->require_subcommand(1);
  model->add_subcommand("list", "about");
  CLI::App* show = model->add_subcommand("show", "about");
  show->add_option("model", text)->required();
  bool lineage = false;
  show->add_flag("--lineage", lineage)->disable_flag_override();
  std::int64_t version = 0;
  double seconds = 0;
  show->add_option("--version", version)->check(whole_number(1, 70'000));
  show->add_option("--interval", seconds)->check(number(0.1, 3600));
  show->add_option("--level", text)->check(one_of({"debug", "info"}));
  std::ranges::reverse(line);
  try {
    app.parse(std::move(line));
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error).message;
  }
  return "";
}

void expect_said(const std::vector<std::string>& line, const std::string& part) {
  EXPECT_NE(said_to(line).find(part), std::string::npos) << said_to(line);
}

TEST(Usage, an_unknown_word_is_answered_with_the_nearest_known_one) {
  expect_said({"modle"}, "unknown command: amas modle; did you mean \"model\"?; its commands: model");
  expect_said({"model", "lst"},
              "unknown command: amas model lst; did you mean \"list\"?; its commands: list, show");
  expect_said({"model", "show", "spam", "--verison", "1"},
              "unknown option: --verison; did you mean \"--version\"?");
  expect_said({"model", "show", "--hoem=x", "spam"}, "unknown option: --hoem; did you mean \"--home\"?");
  expect_said({"model", "show", "spam", "-x"}, "a word that begins with a dash goes behind --");
  expect_said({"model", "list", "more"}, "one word too many for amas model list: more");
  expect_said({"model"}, "name one of the commands of amas model: list, show");
  expect_said({"model", "show"}, "amas model show needs more: model");
  expect_said({"model", "show", "spam", "--lineage=no"}, "a flag takes no value: --lineage");
  expect_said({"model", "show", "--home"}, "see `amas model show --help`");
}

TEST(Usage, a_value_out_of_range_is_answered_with_the_range) {
  for (const char* value : {"0", "-1", "70001", "99999999999999999999", "1.5", "1a", "x", ""})
    expect_said({"model", "show", "spam", "--version", value},
                "--version: must be a whole number from 1 to 70000, not \"" + std::string(value) + "\"");
  EXPECT_EQ(said_to({"model", "show", "spam", "--version", "70000"}), "");
  for (const char* value : {"0", "nan", "inf", "3601", "1s"})
    expect_said({"model", "show", "spam", "--interval", value},
                "--interval: must be a number from 0.1 to 3600");
  EXPECT_EQ(said_to({"model", "show", "spam", "--interval", "0.5"}), "");
  expect_said({"model", "show", "spam", "--level", "inof"},
              "--level: must be debug or info, not \"inof\"; did you mean \"info\"?");
}

TEST(Usage, a_command_is_found_by_its_path) {
  CLI::App app("about", "amas");
  app.add_subcommand("model", "about")->add_subcommand("show", "about");
  EXPECT_EQ(full_name(**find_command(app, {"model", "show"})), "amas model show");
  EXPECT_EQ(*find_command(app, {}), &app);
  const auto unknown = find_command(app, {"model", "shwo"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalidArgument);
  EXPECT_NE(unknown.error().message.find("did you mean \"show\"?"), std::string::npos);
}

}  // namespace
}  // namespace amas::cli
