#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "base/file.h"
#include "crypto/digest.h"
#include "store/database.h"
#include "store/store.h"

namespace amas::store {
namespace {

constexpr int kKills = 30;

std::map<std::string, std::string> package(int number) {
  return {{"model.json", "{\"number\":" + std::to_string(number) + "}"},
          {"model.onnx", std::string(50'000, static_cast<char>('a' + number % 26))}};
}

// Keeps one package after the other, each with its version and deployment, and confirms each on `confirmed`.
[[noreturn]] void keep_packages(const fs::path& home, int first, int confirmed) {
  auto store = Store::open(home);
  if (!store) ::_exit(2);
  for (int number = first;; ++number) {
    const auto files = package(number);
    const std::string digest = crypto::sha256_hex(files.at("model.json"));
    const bool kept =
        (*store)->put_package(digest, files).has_value() &&
        (*store)->put_blob(std::to_string(number)).has_value() &&
        (*store)->put_model("m", digest, "").has_value() &&
        (*store)->put_deployment({.name = "d", .model = "m", .targets = {{number, "fp32"}}}).has_value();
    if (!kept) ::_exit(3);
    if (::write(confirmed, &number, sizeof number) != sizeof number) ::_exit(4);
  }
}

// Starts a writer, kills it at a random moment behind a few confirmations, and returns the last confirmed
// number.
int write_and_kill(const fs::path& home, int first, std::mt19937& random) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    keep_packages(home, first, ends[1]);
  }
  ::close(ends[1]);
  int last = first - 1;
  for (auto count = random() % 3; count > 0; --count)
    if (::read(ends[0], &last, sizeof last) != sizeof last) break;
  for (volatile std::uint64_t spin = random() % 20'000'000; spin > 0;) spin = spin - 1;
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself with " << WEXITSTATUS(status);
  for (int number = 0; ::read(ends[0], &number, sizeof number) == sizeof number;) last = number;
  ::close(ends[0]);
  return last;
}

void expect_whole(const fs::path& home, int last_confirmed) {
  // A writer on a busy machine may be killed before it has made the home.
  if (!fs::exists(home)) {
    EXPECT_EQ(last_confirmed, 0);
    return;
  }
  auto database = Database::open(home / "home.db", 1000);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  auto check = database->query("PRAGMA integrity_check");
  ASSERT_TRUE(check.has_value() && check->next().has_value());
  EXPECT_EQ(check->text(0), "ok");
  const auto store = Store::open(home);
  ASSERT_TRUE(store.has_value()) << store.error().message;
  const auto versions = (*store)->models("m");
  ASSERT_TRUE(versions.has_value());
  ASSERT_GE(static_cast<int>(versions->size()), last_confirmed);
  for (std::size_t i = 0; i < versions->size(); ++i) {
    EXPECT_EQ((*versions)[i].version, static_cast<std::int64_t>(i) + 1);
    EXPECT_TRUE((*store)->package_folder((*versions)[i].digest).has_value());
  }
  // Every name under packages/ and blobs/ stands for whole content, whoever was killed.
  const auto names = list_folder(home / "packages");
  ASSERT_TRUE(names.has_value());
  for (const std::string& name : *names) {
    const auto manifest = read_file(home / "packages" / name / "model.json");
    const auto graph = read_file(home / "packages" / name / "model.onnx");
    ASSERT_TRUE(manifest.has_value() && graph.has_value()) << name;
    EXPECT_EQ(crypto::sha256_hex(*manifest), name);
    EXPECT_EQ(graph->size(), 50'000u);
  }
  for (int number = 1; number <= last_confirmed; ++number)
    EXPECT_TRUE((*store)->get_blob(crypto::sha256_hex(std::to_string(number))).has_value()) << number;
  const auto deployments = (*store)->deployments();
  ASSERT_TRUE(deployments.has_value());
  if (last_confirmed == 0) return;
  EXPECT_GE(deployments->at(0).targets.at(0).version, last_confirmed);
}

TEST(StoreCrash, loses_nothing_confirmed_and_leaves_nothing_half_written_when_killed_at_any_moment) {
  const TemporaryFolder folder;
  const fs::path home = folder.path() / "home";
  std::mt19937 random(7);
  int last = 0;
  for (int i = 0; i < kKills; ++i) {
    last = write_and_kill(home, last + 1, random);
    expect_whole(home, last);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(last, 0);
}

}  // namespace
}  // namespace amas::store
