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

// The verdict on what the server says of one deployment; nothing while it is behind.
Result<Verdict> judge(const RunningServer& server, const Json& told, std::int64_t generation) {
  if (told.value("generation", std::int64_t{-1}) < generation) return Verdict::kLoading;
  const std::vector<Json> wanted = told.value("wanted", std::vector<Json>());
  for (const Json& version : wanted)
    if (version.value("state", "") == "failed") return load_failure(server, told, version);
  const bool all = std::ranges::all_of(
      wanted, [](const Json& version) { return version.value("state", "") == "available"; });
  return all ? Verdict::kServes : Verdict::kLoading;
}

}  // namespace

Result<std::vector<Json>> deployments_of(const RunningServer& server) {
  AMAS_TRY(const std::string body, call(server, "GET", "/api/v1/deployments"));
  AMAS_TRY(const Json document, parse_json(body));
  return json_array<Json>(document, "deployments");
}

Result<Verdict> wait_for_verdict(const RunningServer& server, const store::Deployment& deployment) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    AMAS_TRY(const std::vector<Json> all, deployments_of(server));
    for (const Json& told : all) {
      if (told.value("name", "") != deployment.name) continue;
      AMAS_TRY(const Verdict verdict, judge(server, told, deployment.generation));
      if (verdict == Verdict::kServes) return verdict;
    }
    if (std::chrono::steady_clock::now() >= end) return Verdict::kLoading;
    std::this_thread::sleep_for(kInterval);
  }
}

std::string version_text(const Json& version) {
  const std::string state = version.value("state", "");
  const std::string reason =
      state == "failed" ? ": " + version.value("error", Json::object()).value("message", "") : "";
  return fmt::format("version {} ({})  {}{}", version.value("version", 0), version.value("variant", ""),
                     state == "available" ? "ready" : state, reason);
}

}  // namespace amas::cli
