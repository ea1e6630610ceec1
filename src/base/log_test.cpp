#include "base/log.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "base/threads.h"

namespace amas::log {
namespace {

std::vector<Json> lines_of(const fs::path& file) {
  std::vector<Json> lines;
  const std::string content = *read_file(file);
  for (const auto line : split_at(content, '\n'))
    if (!line.empty()) lines.push_back(Json::parse(line));
  return lines;
}

TEST(Log, writes_one_json_object_a_line) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open(folder.path() / "log", Level::kInfo).has_value());
  info("model_loaded", {{"model", "spam"}, {"version", 3}});
  warn("disk_nearly_full");
  error("bytes", {{"text", "line\nbreak \"quoted\" \xFF"}});
  const auto lines = lines_of(folder.path() / "log");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0]["msg"], "model_loaded");
  EXPECT_EQ(lines[0]["level"], "info");
  EXPECT_EQ(lines[0]["version"], 3);
  EXPECT_EQ(lines[0]["ts"].get<std::string>().size(), std::string("2026-01-31T23:59:59.123456Z").size());
  EXPECT_EQ(lines[1]["level"], "warn");
  EXPECT_EQ(lines[2]["text"], "line\nbreak \"quoted\" \uFFFD");
}

TEST(Log, leaves_out_levels_below_its_own) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open(folder.path() / "log", Level::kWarn).has_value());
  EXPECT_FALSE(enabled(Level::kInfo));
  EXPECT_TRUE(enabled(Level::kWarn));
  info("quiet");
  write(Level::kDebug, "quieter");
  warn("loud");
  EXPECT_EQ(lines_of(folder.path() / "log").size(), 1u);
}

TEST(Log, keeps_lines_of_many_threads_apart) {
  const TemporaryFolder folder;
  ASSERT_TRUE(open(folder.path() / "log", Level::kDebug).has_value());
  parallel_for(400, 4, [](std::size_t i) { write(Level::kDebug, "request", {{"i", i}}); });
  EXPECT_EQ(lines_of(folder.path() / "log").size(), 400u) << "each parsed as JSON";
}

TEST(Log, says_when_its_file_cannot_be_opened) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomic(folder.path() / "file", "x").has_value());
  EXPECT_FALSE(open(folder.path() / "file" / "log", Level::kInfo).has_value());
}

}  // namespace
}  // namespace amas::log
