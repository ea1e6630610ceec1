#include "cli/server_verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace amas::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kInterval = std::chrono::milliseconds(50);

Code code_named(const std::string& name) {
  for (int code = 1; code <= 16; ++code)
    if (code_name(static_cast<Code>(code)) == name) return static_cast<Code>(code);
  return Code::kUnknown;
}

Error load_failure(const RunningServer& server, const Json& deployment, const Json& version) {
  const Json error = version.value("error", Json::object());
  std::string answers;
  for (const Json& other : deployment.value("versions", Json::array()))
    if (other.value("state", "") == "available")
      answers += fmt::format("{}version {} ({})", answers.empty() ? "" : ", ", other.value("version", 0),
                             other.value("variant", ""));
  return {code_named(error.value("code", "")),
          fmt::format("the server on port {} could not load {} version {} ({}): {}; {}", server.port,
                      deployment.value("name", ""), version.value("version", 0), version.value("variant", ""),
                      error.value("message", ""),
                      answers.empty() ? "nothing answers in its place, and it is tried again"
                                      : answers + " goes on answering, and it is tried again")};
}

// The verdict on what the server says of one deployment.
Result<Verdict> judge(const RunningServer& server, const Json& told, std::int64_t generation) {
  if (told.value("generation", std::int64_t{-1}) < generation) return Verdict::kBehind;
  const std::vector<Json> wanted = told.value("wanted", std::vector<Json>());
  for (const Json& version : wanted)
    if (version.value("state", "") == "failed") return load_failure(server, told, version);
  const bool all = std::ranges::all_of(
      wanted, [](const Json& version) { return version.value("state", "") == "available"; });
  return all ? Verdict::kDone : Verdict::kBehind;
}

// Asks again and again what the server says of a deployment (null: nothing), until `judge_told` says kDone.
template <class Judge>
Result<Verdict> wait_for(const RunningServer& server, const std::string& name, Judge judge_told) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const auto all = deployments_of(server);
    if (!all && all.error().code == Code::kUnavailable) return Verdict::kSilent;
    if (!all) return all.error();
    const auto told =
        std::ranges::find_if(*all, [&](const Json& one) { return one.value("name", "") == name; });
    AMAS_TRY(const Verdict verdict, judge_told(told == all->end() ? Json() : *told));
    if (verdict == Verdict::kDone || std::chrono::steady_clock::now() >= end) return verdict;
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace

Result<std::vector<Json>> deployments_of(const RunningServer& server) {
  AMAS_TRY(const std::string body, call(server, {.path = "/api/v1/deployments"}));
  AMAS_TRY(const Json document, parse_json(body));
  return json_array<Json>(document, "deployments");
}

Result<Verdict> wait_for_verdict(const RunningServer& server, const store::Deployment& deployment) {
  return wait_for(server, deployment.name, [&](const Json& told) {
    return told.is_null() ? Result<Verdict>(Verdict::kBehind) : judge(server, told, deployment.generation);
  });
}

Result<Verdict> wait_for_removal(const RunningServer& server, const store::Deployment& removed) {
  return wait_for(server, removed.name, [&](const Json& told) {
    // One of a later generation is another, deployed since.
    const bool is_gone = told.is_null() || told.value("generation", std::int64_t{0}) > removed.generation;
    return Result<Verdict>(is_gone ? Verdict::kDone : Verdict::kBehind);
  });
}

std::string verdict_name(Verdict verdict, std::string_view done) {
  switch (verdict) {
    case Verdict::kDone:
      return std::string(done);
    case Verdict::kBehind:
      return "loading";
    case Verdict::kSilent:
      return "silent";
  }
  return "silent";
}

Error not_followed_yet(const RunningServer& server, Verdict verdict) {
  const bool is_silent = verdict == Verdict::kSilent;
  return {
      Code::kDeadlineExceeded,
      fmt::format(
          "the change is recorded, but the server on port {} (pid {}) {}; `amas deploy --list` shows "
          "when it has followed",
          server.port, server.pid,
          is_silent ? "does not answer; it takes the change over once it answers again" : "is still at it")};
}

std::string version_text(const Json& version) {
  const std::string state = version.value("state", "");
  const std::string reason =
      state == "failed" ? ": " + version.value("error", Json::object()).value("message", "") : "";
  return fmt::format("version {} ({})  {}{}", version.value("version", 0), version.value("variant", ""),
                     state == "available" ? "ready" : state, reason);
}

}  // namespace amas::cli
