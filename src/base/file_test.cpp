#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace amas {
namespace {

// Runs `act` in a process of its own, for what changes the whole process; returns its exit status.
int run_apart(const std::function<int()>& act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(File, reads_what_was_written) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "new" / "folder" / "file";
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(write_file_atomic(path, content).has_value());
  EXPECT_EQ(*read_file(path), content);
  ASSERT_TRUE(write_file_atomic(path, "").has_value());
  EXPECT_EQ(*read_file(path), "");
  EXPECT_EQ(*list_folder(path.parent_path()), std::vector<std::string>{"file"})
      << "no temporary file is left";
}

TEST(File, writes_pieces_behind_one_another) {
  const TemporaryFolder folder;
  const std::string_view pieces[] = {"one", "", "two"};
  ASSERT_TRUE(write_file_atomic(folder.path() / "file", pieces).has_value());
  EXPECT_EQ(*read_file(folder.path() / "file"), "onetwo");
}

TEST(File, reads_files_whose_size_is_not_known_before) {
  const auto content = read_file("/proc/self/status");
  ASSERT_TRUE(content.has_value());
  EXPECT_EQ(content->substr(0, 5), "Name:");
}

TEST(File, says_why_it_cannot_be_read) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_file(folder.path() / "none").error().code, Code::kNotFound);
  EXPECT_EQ(read_file(folder.path()).error().code, Code::kInvalidArgument);
  ASSERT_TRUE(write_file_atomic(folder.path() / "file", "12345").has_value());
  EXPECT_TRUE(read_file(folder.path() / "file", 5).has_value());
  EXPECT_EQ(read_file(folder.path() / "file", 4).error().code, Code::kResourceExhausted);
  EXPECT_EQ(read_file(folder.path() / "file" / "below").error().code, Code::kNotFound);
  EXPECT_EQ(read_file("/proc/self/status", 10).error().code, Code::kResourceExhausted);
}

TEST(File, keeps_the_old_content_when_the_disk_is_full) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "file";
  ASSERT_TRUE(write_file_atomic(path, "old").has_value());
  const int status = run_apart([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = write_file_atomic(path, std::string(100'000, 'x'));
    return written ? 0 : static_cast<int>(written.error().code);
  });
  EXPECT_EQ(status, static_cast<int>(Code::kResourceExhausted));
  EXPECT_EQ(*read_file(path), "old");
  EXPECT_EQ(*list_folder(folder.path()), std::vector<std::string>{"file"}) << "nothing half-written is left";
}

TEST(File, cannot_be_written_below_another_file_or_over_a_folder) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomic(folder.path() / "file", "x").has_value());
  EXPECT_FALSE(write_file_atomic(folder.path() / "file" / "below", "x").has_value());
  ASSERT_TRUE(make_folder(folder.path() / "taken").has_value());
  EXPECT_FALSE(write_file_atomic(folder.path() / "taken", "x").has_value());
  EXPECT_EQ(*list_folder(folder.path()), (std::vector<std::string>{"file", "taken"}));
}

TEST(File, without_permission_says_so) {
  const TemporaryFolder folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const int status = run_apart([&] {
    // Root may do everything, so that as root the child becomes somebody else.
    if (::geteuid() == 0 && ::seteuid(65'534) != 0) return 0;
    const auto written = write_file_atomic(folder.path() / "file", "x");
    return written ? 0 : static_cast<int>(written.error().code);
  });
  fs::permissions(folder.path(), fs::perms::owner_all);
  EXPECT_EQ(status, static_cast<int>(Code::kPermissionDenied));
}

TEST(File, folders_are_made_once_and_listed_in_order) {
  const TemporaryFolder folder;
  for (const char* name : {"b", "a/deep", "B"}) EXPECT_TRUE(make_folder(folder.path() / name).has_value());
  EXPECT_TRUE(make_folder(folder.path() / "b").has_value()) << "it exists";
  EXPECT_EQ(*list_folder(folder.path()), (std::vector<std::string>{"B", "a", "b"}));
  EXPECT_EQ(list_folder(folder.path() / "none").error().code, Code::kNotFound);
  EXPECT_TRUE(sync_folder(folder.path()).has_value());
  EXPECT_EQ(sync_folder(folder.path() / "none").error().code, Code::kNotFound);
}

TEST(File, temporary_folders_go_away_with_everything_in_them) {
  fs::path path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    ASSERT_TRUE(write_file_atomic(path / "a" / "b", "x").has_value());
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(FileLock, is_refused_while_another_has_it_and_says_who) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lock";
  {
    const auto first = FileLock::take(path, "4711");
    ASSERT_TRUE(first.has_value());
    const auto second = FileLock::take(path, "4712");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, Code::kFailedPrecondition);
    EXPECT_NE(second.error().message.find("held by 4711"), std::string::npos) << second.error().message;
  }
  EXPECT_TRUE(FileLock::take(path, "4713").has_value());
  EXPECT_EQ(*read_file(path), "4713");
}

TEST(FileLock, is_freed_when_its_process_dies) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lock";
  const int status = run_apart([&] {
    auto lock = FileLock::take(path, "child");
    ::_exit(lock ? 0 : 1);
    return 2;
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(FileLock::take(path, "parent").has_value());
}

}  // namespace
}  // namespace amas
