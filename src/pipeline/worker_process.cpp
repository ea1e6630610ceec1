#include "pipeline/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

extern char** environ;

namespace amas::pipeline {
namespace {

struct Child {
  pid_t pid = -1;
  int output = -1;
};

Result<Child> start(const std::vector<std::string>& command, const std::string& error_file) {
  std::array<int, 2> pipe_ends{};
  if (::pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
    return unavailable(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, error_file.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0644);
  std::vector<char*> arguments;
  for (const std::string& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  Child child;
  const int code =
      ::posix_spawn(&child.pid, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  child.output = pipe_ends[0];
  if (code != 0) {
    ::close(child.output);
    return unavailable(fmt::format("cannot start {}: {}", command[0], std::strerror(code)));
  }
  return child;
}

// Calls `on_line` with each line that the child prints, until it closes its output.
Status read_lines(int descriptor, const std::function<Status(std::string_view)>& on_line) {
  std::string waiting;
  std::array<char, 1 << 14> piece;
  for (;;) {
    const ssize_t got = ::read(descriptor, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return internal_error(fmt::format("cannot read from the worker: {}", std::strerror(errno)));
    if (got == 0) return waiting.empty() ? Status{} : on_line(waiting);
    waiting.append(piece.data(), static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end; (end = waiting.find('\n', begin)) != std::string::npos; begin = end + 1)
      AMAS_CHECK(on_line(std::string_view(waiting).substr(begin, end - begin)));
    waiting.erase(0, begin);
    if (waiting.size() > limits::kWorkerLineBytesMax)
      return internal_error("the worker printed a line that is too long");
  }
}

std::string end_of_log(const std::string& file) {
  const auto log = read_file(file);
  if (!log || log->empty()) return "";
  const std::string_view text = trim(*log);
  return fmt::format("; it said: {}", to_valid_utf8(text.substr(text.size() > 500 ? text.size() - 500 : 0)));
}

Error death(int status, const std::string& log) {
  if (WIFSIGNALED(status)) {
    const int signal_number = WTERMSIG(status);
    return internal_error(fmt::format(
        "the worker was ended by signal {} ({}){}{}", signal_number, ::strsignal(signal_number),
        signal_number == SIGKILL ? "; perhaps memory ran out: free some, or lower batch_size" : "",
        end_of_log(log)));
  }
  return internal_error(
      fmt::format("the worker failed with exit status {}{}", WEXITSTATUS(status), end_of_log(log)));
}

Code code_from_name(std::string_view name) {
  for (int code = 1; code <= 16; ++code)
    if (code_name(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  return Code::kInternal;
}

Status run(const std::vector<std::string>& command, const std::string& log,
           const std::function<void(const Json& event)>& on_event) {
  AMAS_TRY(const Child child, start(command, log));
  std::optional<Error> reported;
  Status read = read_lines(child.output, [&](std::string_view line) -> Status {
    if (trim(line).empty()) return {};
    AMAS_TRY(const Json event, parse_json(line, {.bytes_max = limits::kWorkerLineBytesMax}));
    AMAS_TRY(const std::string kind, json_field_or<std::string>(event, "event", ""));
    if (kind != "error") {
      on_event(event);
      return {};
    }
    AMAS_TRY(const std::string code, json_field<std::string>(event, "code"));
    AMAS_TRY(std::string message, json_field<std::string>(event, "message"));
    reported = Error{code_from_name(code), std::move(message)};
    return {};
  });
  ::close(child.output);
  if (!read) ::kill(child.pid, SIGKILL);
  int status = 0;
  while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (reported) return std::move(*reported);
  if (!read) return read.error().at("worker");
  if (status != 0) return death(status, log);
  return {};
}

}  // namespace

Status run_worker(const std::filesystem::path& program, const std::filesystem::path& job,
                  const std::function<void(const Json& event)>& on_event) {
  return run({program.string(), job.string()}, job.string() + ".log", on_event);
}

Result<Json> worker_version(const std::filesystem::path& program) {
  Json version;
  AMAS_CHECK(
      run({program.string(), "--version"}, "/dev/null", [&](const Json& printed) { version = printed; }));
  if (!version.is_object()) return internal_error("the worker did not say its version: " + program.string());
  return version;
}

}  // namespace amas::pipeline
