#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <set>

#include "crypto/digest.h"
#include "telemetry/event_file.h"
#include "worker/small_dataset.h"

extern char** environ;

namespace amas::worker {
namespace {

/// The program itself, as a process whose lines are read.
class Process {
 public:
  explicit Process(const std::string& argument) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string program = AMAS_WORKER_PROGRAM, copy = argument;
    char* arguments[] = {program.data(), copy.data(), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
  }
  ~Process() {
    std::fclose(output_);
    if (pid_ > 0) kill_now();
  }

  std::optional<Json> next_line() {
    char* line = nullptr;
    std::size_t size = 0;
    const ssize_t got = ::getline(&line, &size, output_);
    std::optional<Json> parsed;
    if (got > 0) parsed = parse_json(std::string_view(line, static_cast<std::size_t>(got))).value();
    std::free(line);
    return parsed;
  }
  /// Reads to the end.
  std::vector<Json> rest() {
    std::vector<Json> lines;
    while (auto line = next_line()) lines.push_back(std::move(*line));
    return lines;
  }
  int exit_code() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void kill_now() {
    ::kill(pid_, SIGKILL);
    exit_code();
  }

 private:
  pid_t pid_ = -1;
  std::FILE* output_ = nullptr;
};

class Worker : public testing::Test {
 protected:
  std::string write_job(const Json& job) {
    const fs::path file = fs::path(job["folder"].get<std::string>()) / "job.json";
    EXPECT_TRUE(write_file_atomic(file, dump_json(job)));
    return file.string();
  }
  std::string result(const Json& job, const std::string& name) {
    return read_file(fs::path(job["folder"].get<std::string>()) / name).value();
  }
  TemporaryFolder folder;
};

TEST_F(Worker, trains_and_writes_results_of_which_outcome_json_tells_the_digests) {
  for (const char* type : {"lstm", "linear"}) {
    const Json job = small_job(folder.path() / type, type);
    Process process(write_job(job));
    const auto lines = process.rest();
    ASSERT_EQ(process.exit_code(), 0);
    EXPECT_EQ(lines.front()["event"], "start");
    EXPECT_EQ(lines.front()["labels"], Json({"early", "late"}));
    EXPECT_EQ(lines.back()["event"], "done");
    const Json outcome = parse_json(result(job, "outcome.json")).value();
    EXPECT_EQ(lines.back()["outcome"], outcome);
    EXPECT_EQ(outcome["files"].size(), 4u);
    for (const auto& [name, digest] : outcome["files"].items())
      EXPECT_EQ(crypto::sha256_hex(result(job, name)), digest.get<std::string>()) << name;
    EXPECT_EQ(result(job, "validation_scores.f32").size(),
              small_dataset(300).split.validation.size() * 2 * 4);
    EXPECT_EQ(parse_json(result(job, "history.json")).value()["epochs"].size(), type[1] == 's' ? 6u : 2u);
  }
}

TEST_F(Worker, refits_on_training_and_validation_rows_without_figures_of_rows_it_has_seen) {
  for (const char* type : {"lstm", "linear"}) {
    Json first = small_job(folder.path() / type, type);
    Process chooses(write_job(first));
    const Json chosen = chooses.rest().back()["outcome"]["chosen"];
    ASSERT_EQ(chooses.exit_code(), 0);
    Json job = small_job(folder.path() / (std::string(type) + "-refit"), type);
    job["rows"] = "training and validation";
    for (const auto& [section, settings] : chosen.items()) job[section].update(settings);
    Process process(write_job(job));
    const auto lines = process.rest();
    ASSERT_EQ(process.exit_code(), 0);
    const auto split = small_dataset(300).split;
    EXPECT_EQ(lines.front()["rows"]["training"], split.training.size() + split.validation.size());
    for (const Json& line : lines) EXPECT_NE(line["event"], "epoch");
    const Json outcome = lines.back()["outcome"];
    EXPECT_FALSE(outcome.contains("validation"));
    EXPECT_FALSE(outcome["details"].contains("validation_loss"));
    EXPECT_EQ(outcome["chosen"], chosen);
    EXPECT_NE(outcome["files"]["model.onnx"], "");
    EXPECT_EQ(result(job, "validation_scores.f32").size(), split.validation.size() * 2 * 4);
    EXPECT_NE(result(job, "model.onnx"), result(first, "model.onnx"));
    EXPECT_FALSE(fs::exists(job["tensorboard"].get<std::string>()));
  }
}

TEST_F(Worker, killed_anywhere_and_run_again_ends_with_the_same_bytes) {
  const Json job = small_job(folder.path() / "undisturbed");
  Process undisturbed(write_job(job));
  const auto lines = undisturbed.rest().size();
  ASSERT_EQ(undisturbed.exit_code(), 0);
  const std::string expected = result(job, "outcome.json");
  ASSERT_GE(lines, 8u);
  for (std::size_t after = 0; after < lines; ++after) {
    const Json again = small_job(folder.path() / ("killed-" + std::to_string(after)));
    const std::string file = write_job(again);
    {
      Process killed(file);
      for (std::size_t i = 0; i < after; ++i) killed.next_line();
      killed.kill_now();
    }
    Process second(file);
    second.rest();
    ASSERT_EQ(second.exit_code(), 0) << "killed after line " << after;
    EXPECT_EQ(result(again, "outcome.json"), expected) << "killed after line " << after;

    const auto names = list_folder(again["tensorboard"].get<std::string>()).value();
    ASSERT_EQ(names.size(), 1u);
    const auto events = telemetry::read_events(
                            read_file(fs::path(again["tensorboard"].get<std::string>()) / names[0]).value())
                            .value();
    EXPECT_FALSE(events.torn);
    std::multiset<std::int64_t> steps;
    for (const auto& point : events.scalars)
      if (point.tag == "train/loss") steps.insert(point.step);
    EXPECT_EQ(steps.size(), 6u);
    EXPECT_EQ(std::set<std::int64_t>(steps.begin(), steps.end()).size(), 6u) << "a step stands twice";
  }
}

TEST_F(Worker, reports_an_error_with_its_code_and_exit_status) {
  const auto failed = [&](const char* section, const char* key, const Json& value) {
    Json job = small_job(folder.path());
    (section == nullptr ? job : job[section])[key] = value;
    Process process(write_job(job));
    const auto lines = process.rest();
    EXPECT_NE(process.exit_code(), 0);
    EXPECT_EQ(lines.back()["event"], "error");
    EXPECT_FALSE(fs::exists(folder.path() / "run" / "outcome.json")) << "nothing half-written";
    return lines.back();
  };
  const Json type = failed("candidate", "type", "forest");
  EXPECT_EQ(type["code"], "INVALID_ARGUMENT");
  EXPECT_NE(type["message"].get<std::string>().find("known: lstm, linear"), std::string::npos);
  EXPECT_NE(failed("train", "metric", "acuracy")["message"].get<std::string>().find("accuracy"),
            std::string::npos);
  EXPECT_EQ(failed(nullptr, "dataset", (folder.path() / "none.jsonl").string())["code"], "NOT_FOUND");

  Process missing((folder.path() / "no-job.json").string());
  EXPECT_EQ(missing.rest().back()["code"], "NOT_FOUND");
  EXPECT_EQ(missing.exit_code(), exit_status(Code::kNotFound));
}

TEST_F(Worker, says_the_versions_of_its_libraries) {
  Process process("--version");
  const auto lines = process.rest();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(process.exit_code(), 0);
  for (const char* library : {"amas-worker", "libtorch", "liblinear"})
    EXPECT_TRUE(lines[0].value(library, Json()).is_string()) << library;
}

TEST_F(Worker, dies_with_its_parent) {
  Json job = small_job(folder.path());
  job["train"]["epochs"] = 100'000;
  const std::string file = write_job(job);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {  // A parent that starts a worker on the pipe, waits for its first byte, and ends.
    ::dup2(ends[1], STDOUT_FILENO);
    std::string program = AMAS_WORKER_PROGRAM, copy = file;
    char* arguments[] = {program.data(), copy.data(), nullptr};
    pid_t worker = 0;
    ::posix_spawn(&worker, program.c_str(), nullptr, nullptr, arguments, environ);
    char first = 0;
    ::_exit(::read(ends[0], &first, 1) == 1 ? 0 : 1);
  }
  ::close(ends[1]);
  int status = 0;
  ::waitpid(parent, &status, 0);
  EXPECT_EQ(status, 0);
  // The pipe ends when the last process that writes to it has ended: the test would hang if the worker lived
  // on.
  char piece[4096];
  while (::read(ends[0], piece, sizeof piece) > 0) {
  }
  ::close(ends[0]);
}

}  // namespace
}  // namespace amas::worker
