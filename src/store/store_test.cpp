#include "store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>

#include "base/file.h"
#include "crypto/digest.h"
#include "store/schema.h"

namespace amas::store {
namespace {

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << result.error().message;
  return std::move(result.value());
}

std::map<std::string, std::string> package(const std::string& name) {
  return {{"model.json", dump_json({{"name", name}})}, {"model.onnx", std::string(1000, 'x')}};
}

std::string digest_of(const std::map<std::string, std::string>& files) {
  return crypto::sha256_hex(files.at("model.json"));
}

class StoreTest : public testing::Test {
 protected:
  std::unique_ptr<Store> open() { return must(Store::open(folder.path() / "home", clock)); }
  fs::path home() const { return folder.path() / "home"; }

  TemporaryFolder folder;
  ManualClock clock{42};
};

TEST_F(StoreTest, keeps_blobs_by_their_sha256) {
  const auto store = open();
  // FIPS 180-4's example.
  const std::string digest = must(store->put_blob("abc"));
  EXPECT_EQ(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(must(store->put_blob("abc")), digest);
  EXPECT_TRUE(store->has_blob(digest));
  EXPECT_EQ(must(store->get_blob(digest)), "abc");
  EXPECT_TRUE(fs::is_regular_file(home() / "blobs" / "ba" / digest));
  EXPECT_TRUE(fs::is_empty(home() / "incoming"));
}

TEST_F(StoreTest, finds_no_blob_under_a_name_that_is_no_digest) {
  const auto store = open();
  for (const char* name : {"", "ab", "../home.db", "zz"}) {
    EXPECT_FALSE(store->has_blob(name));
    EXPECT_EQ(store->get_blob(name).error().code, Code::kNotFound) << name;
  }
}

TEST_F(StoreTest, notices_a_blob_whose_bytes_were_changed) {
  const auto store = open();
  const std::string digest = must(store->put_blob("abc"));
  const fs::path file = home() / "blobs" / "ba" / digest;
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  ASSERT_TRUE(store->check_blob(digest));
  ASSERT_TRUE(write_file_atomic(file, "abd"));
  EXPECT_EQ(store->get_blob(digest).error().code, Code::kDataLoss);
  EXPECT_EQ(store->check_blob(digest).error().code, Code::kDataLoss);
  EXPECT_EQ(must(store->blobs()), std::vector{digest});
  EXPECT_EQ(must(store->put_blob("abc")), digest);
  EXPECT_TRUE(store->check_blob(digest));
  fs::remove(file);
  EXPECT_EQ(store->check_blob(digest).error().code, Code::kNotFound);
  EXPECT_TRUE(must(store->blobs()).empty());
}

TEST_F(StoreTest, mends_a_package_that_is_kept_again) {
  const auto store = open();
  const auto files = package("spam");
  ASSERT_TRUE(store->put_package(digest_of(files), files));
  const fs::path where = must(store->package_folder(digest_of(files)));
  ASSERT_TRUE(write_file_atomic(where / files.begin()->first, "damage"));
  fs::remove(where / files.rbegin()->first);
  ASSERT_TRUE(store->put_package(digest_of(files), files));
  for (const auto& [name, content] : files) EXPECT_EQ(must(read_file(where / name)), content);
  EXPECT_TRUE(fs::is_empty(home() / "incoming"));
}

TEST_F(StoreTest, keeps_a_package_as_a_folder_of_read_only_files) {
  const auto store = open();
  const auto files = package("spam");
  ASSERT_TRUE(store->put_package(digest_of(files), files));
  ASSERT_TRUE(store->put_package(digest_of(files), files));
  const fs::path where = must(store->package_folder(digest_of(files)));
  for (const auto& [name, content] : files) {
    EXPECT_EQ(must(read_file(where / name)), content);
    EXPECT_EQ(fs::status(where / name).permissions() & fs::perms::owner_write, fs::perms::none);
  }
  EXPECT_TRUE(fs::is_empty(home() / "incoming"));
  EXPECT_EQ(store->package_folder(std::string(64, 'a')).error().code, Code::kNotFound);
  EXPECT_EQ(store->package_folder("..").error().code, Code::kNotFound);
}

TEST_F(StoreTest, refuses_a_package_that_is_not_what_its_digest_says) {
  const auto store = open();
  auto files = package("spam");
  EXPECT_EQ(store->put_package(std::string(64, 'a'), files).error().code, Code::kInvalidArgument);
  const std::string digest = digest_of(files);
  for (const char* name : {"../escape", "a/b", "..", ""}) {
    auto bad = files;
    bad.emplace(name, "content");
    EXPECT_EQ(store->put_package(digest, bad).error().code, Code::kInvalidArgument) << name;
  }
  files.erase("model.json");
  EXPECT_EQ(store->put_package(digest, files).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(fs::is_empty(home() / "packages"));
}

TEST_F(StoreTest, counts_versions_of_datasets_and_models_by_name_and_once_a_digest) {
  const auto store = open();
  EXPECT_EQ(must(store->put_dataset("mail", "d1", {{"rows", 3}})).version, 1);
  EXPECT_EQ(must(store->put_dataset("mail", "d2", {})).version, 2);
  EXPECT_EQ(must(store->put_dataset("other", "d1", {})).version, 1);
  clock.advance_us(10);
  const DatasetRecord again = must(store->put_dataset("mail", "d1", {{"rows", 4}}));
  EXPECT_EQ(again.version, 1);
  EXPECT_EQ(again.detail, Json({{"rows", 3}}));
  EXPECT_EQ(again.created_us, 42);
  EXPECT_EQ(must(store->datasets()).size(), 3u);

  EXPECT_EQ(must(store->put_model("spam", "p1", "run1")).version, 1);
  EXPECT_EQ(must(store->put_model("spam", "p2", "run2")).version, 2);
  EXPECT_EQ(must(store->put_model("ham", "p1", "")).version, 1);
  EXPECT_EQ(must(store->put_model("spam", "p1", "run3")).run, "run1");
  const auto all = must(store->models());
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].model, "ham");
  EXPECT_EQ(must(store->models("spam")).size(), 2u);
  EXPECT_EQ(must(store->models("nope")).size(), 0u);
}

TEST_F(StoreTest, replaces_measurements_steps_and_runs) {
  const auto store = open();
  ASSERT_TRUE(store->put_measurement({"d", "fp32", 1.5, 2.5, 1e6, 7}));
  ASSERT_TRUE(store->put_measurement({"d", "fp32", 3.5, 4.5, 2e6, 8}));
  ASSERT_TRUE(store->put_measurement({"d", "int8", 1, 2, 3, 9}));
  const auto measured = must(store->measurements("d"));
  ASSERT_EQ(measured.size(), 2u);
  EXPECT_EQ(measured[0].latency_p50_us, 3.5);
  EXPECT_EQ(measured[0].measured_us, 8);

  EXPECT_FALSE(must(store->find_step("k")).has_value());
  ASSERT_TRUE(store->put_step({"k", "import", {{"rows", 1}}, 5}));
  ASSERT_TRUE(store->put_step({"k", "import", {{"rows", 2}}, 6}));
  EXPECT_EQ(must(store->find_step("k"))->result, Json({{"rows", 2}}));

  ASSERT_TRUE(store->put_run({"a", "spam", "running", {}, 1, 0}));
  ASSERT_TRUE(store->put_run({"b", "spam", "running", {}, 2, 0}));
  ASSERT_TRUE(store->put_run({"a", "spam", "done", {{"ok", true}}, 1, 9}));
  const auto runs = must(store->runs());
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].id, "b");
  EXPECT_EQ(runs[1].state, "done");
}

TEST_F(StoreTest, brings_a_home_of_the_first_schema_up_to_date) {
  must(open()->put_deployment({"spam", "spam-model", {{2, "int8"}}, {"default"}, 0}));
  {
    Database database = must(Database::open(home() / "home.db", 1'000));
    ASSERT_TRUE(database.run_script(R"sql(
      ALTER TABLE deployments RENAME TO now;
      CREATE TABLE deployments (
        name TEXT NOT NULL PRIMARY KEY, model TEXT NOT NULL, targets TEXT NOT NULL, tenants TEXT NOT NULL,
        monitor TEXT NOT NULL, generation INTEGER NOT NULL) STRICT;
      INSERT INTO deployments SELECT name, model, targets, tenants, '{"drift":true}', generation FROM now;
      DROP TABLE now;
      PRAGMA user_version = 1;
    )sql"));
  }
  const auto seen = must(must(Store::open_to_read(home()))->deployments());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].name, "spam");
  EXPECT_EQ(seen[0].targets[0].variant, "int8");
  EXPECT_EQ(seen[0].generation, 1);
  EXPECT_EQ(must(open()->put_deployment(seen[0])).generation, 2);
}

TEST_F(StoreTest, shows_changes_of_deployments_to_a_second_opener_by_their_generation) {
  const auto store = open();
  const auto other = open();
  const std::int64_t before = must(other->deployments_generation());
  Deployment wanted{"spam", "spam-model", {{2, "int8"}, {1, "fp32"}}, {"default", "acme"}, 0};
  const Deployment put = must(store->put_deployment(wanted));
  EXPECT_EQ(put.generation, before + 1);
  EXPECT_EQ(must(other->deployments_generation()), before + 1);
  const auto seen = must(other->deployments());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].model, "spam-model");
  ASSERT_EQ(seen[0].targets.size(), 2u);
  EXPECT_EQ(seen[0].targets[0].version, 2);
  EXPECT_EQ(seen[0].targets[0].variant, "int8");
  EXPECT_EQ(seen[0].tenants, wanted.tenants);
  ASSERT_TRUE(other->remove_deployment("spam"));
  EXPECT_EQ(must(store->deployments_generation()), before + 2);
  EXPECT_EQ(store->remove_deployment("spam").error().code, Code::kNotFound);
  EXPECT_EQ(must(store->deployments_generation()), before + 2);
}

TEST_F(StoreTest, gives_each_version_once_to_threads_and_openers_at_the_same_time) {
  constexpr int kThreads = 4, kEach = 10;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      const auto store = open();  // the first of them makes the home
      for (int i = 0; i < kEach; ++i) must(store->put_model("m", std::to_string(t * kEach + i), ""));
    });
  threads.clear();
  std::set<std::int64_t> versions;
  for (const ModelVersion& version : must(open()->models("m"))) versions.insert(version.version);
  EXPECT_EQ(versions.size(), std::size_t{kThreads * kEach});
  EXPECT_EQ(*versions.rbegin(), kThreads * kEach);
}

TEST_F(StoreTest, refuses_the_home_of_a_newer_amas) {
  open();
  {
    auto database = must(Database::open(home() / "home.db", 1000));
    ASSERT_TRUE(database.run("PRAGMA user_version = 999"));
  }
  const auto refused = Store::open(home());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("999"), std::string::npos);
  const auto to_read = Store::open_to_read(home());
  ASSERT_FALSE(to_read.has_value());
  EXPECT_EQ(to_read.error().code, Code::kFailedPrecondition);
}

TEST_F(StoreTest, says_data_loss_for_a_database_that_was_emptied) {
  must(open()->put_blob("bytes"));
  ASSERT_TRUE(write_file_atomic(home() / "home.db", ""));
  for (const auto& refused :
       {Store::open(home()).map([](auto&&) {}), Store::open_to_read(home()).map([](auto&&) {})}) {
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Code::kDataLoss);
  }
}

TEST_F(StoreTest, opened_to_read_shows_what_others_write_and_changes_nothing) {
  const auto missing = Store::open_to_read(home());
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_FALSE(fs::exists(home()));
  const auto writer = open();
  const auto reader = must(Store::open_to_read(home()));
  must(writer->put_dataset("mails", std::string(64, 'a'), Json::object()));
  EXPECT_EQ(must(reader->datasets()).size(), 1u);
  const auto refused = reader->put_dataset("mails", std::string(64, 'b'), Json::object());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::kPermissionDenied);
  EXPECT_EQ(must(writer->datasets()).size(), 1u);
}

TEST_F(StoreTest, says_data_loss_for_a_damaged_database) {
  must(open()->put_model("m", "d", ""));
  std::string bytes = must(read_file(home() / "home.db"));
  ASSERT_GT(bytes.size(), 4096u);
  ASSERT_TRUE(write_file_atomic(home() / "home.db", std::string(bytes.size(), 'x')));
  EXPECT_EQ(Store::open(home()).error().code, Code::kDataLoss);
  // The header is whole here, and all pages behind it are not.
  for (std::size_t i = 4096; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  ASSERT_TRUE(write_file_atomic(home() / "home.db", bytes));
  const auto store = must(Store::open(home()));
  EXPECT_EQ(store->models().error().code, Code::kDataLoss);
  EXPECT_EQ(store->put_model("m", "e", "").error().code, Code::kDataLoss);
}

TEST_F(StoreTest, says_unavailable_when_another_holds_the_database_too_long) {
  open();
  auto holder = must(Database::open(home() / "home.db", 1000));
  auto waiter = must(Database::open(home() / "home.db", 20));
  auto held = must(Transaction::begin(holder));
  EXPECT_EQ(Transaction::begin(waiter).error().code, Code::kUnavailable);
  ASSERT_TRUE(held.commit());
  EXPECT_TRUE(Transaction::begin(waiter).has_value());
}

TEST_F(StoreTest, cannot_make_a_home_below_a_file) {
  ASSERT_TRUE(write_file_atomic(folder.path() / "file", "x"));
  EXPECT_FALSE(Store::open(folder.path() / "file" / "home").has_value());
}

TEST_F(StoreTest, changes_nothing_when_the_disk_is_full) {
  // RLIMIT_FSIZE makes writes beyond it fail with EFBIG, as ENOSPC would; in a child, since it cannot be
  // taken back.
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto store = open();
    must(store->put_model("m", "first", ""));
    const rlimit limit{64u << 10, 64u << 10};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto blob = store->put_blob(std::string(1u << 20, 'b'));
    auto files = package("big");
    files["model.onnx"].assign(1u << 20, 'x');
    const Status kept = store->put_package(digest_of(files), files);
    const Status step = store->put_step({"key", "s", {{"text", std::string(1u << 20, 's')}}, 1});
    const bool refused = !blob && blob.error().code == Code::kResourceExhausted && !kept &&
                         kept.error().code == Code::kResourceExhausted && !step &&
                         step.error().code == Code::kResourceExhausted;
    const bool usable = store->models("m").has_value() && !must(store->find_step("key")).has_value();
    ::_exit(refused && usable && fs::is_empty(home() / "packages") && fs::is_empty(home() / "incoming") ? 0
                                                                                                        : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(must(open()->models("m")).size(), 1u);
}

TEST_F(StoreTest, removes_what_writers_left_behind_an_hour_ago_and_nothing_younger) {
  open();
  const fs::path left = home() / "incoming" / "1-0-aa", fresh = home() / "incoming" / "1-1-bb";
  ASSERT_TRUE(make_folder(left));
  ASSERT_TRUE(make_folder(fresh));
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  open();
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(fresh));
}

}  // namespace
}  // namespace amas::store
