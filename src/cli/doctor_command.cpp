#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "base/file.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli/http_client.h"
#include "cli/session.h"

namespace amas::cli {
namespace {

struct Check {
  std::string name;
  bool good = true;
  std::string detail;
};

constexpr double kDiskFreeWanted = 1e9;

Check check_versions(const std::string& name, const Json& version) {
  const std::string text = version.is_string() ? version.get<std::string>() : dump_json(version);
  return {name, !text.starts_with("missing"), text};
}

Check check_disk(const std::filesystem::path& home) {
  std::error_code code;
  std::filesystem::path existing = std::filesystem::absolute(home, code);
  while (!std::filesystem::exists(existing, code) && existing.has_relative_path())
    existing = existing.parent_path();
  const auto space = std::filesystem::space(existing, code);
  if (code) return {"disk", false, "cannot ask for free space: " + code.message()};
  const auto free_bytes = static_cast<double>(space.available);
  return {"disk", free_bytes > kDiskFreeWanted,
          fmt::format("{:.1f} GB free at {}{}", free_bytes / 1e9, existing.string(),
                      free_bytes > kDiskFreeWanted ? "" : "; free some: a run needs about 1 GB")};
}

Check check_home(Session& session) {
  if (!std::filesystem::exists(session.home))
    return {"home", true, session.home.string() + " (not made yet)"};
  const auto store = session.store();
  if (!store) return {"home", false, store.error().message};
  const auto models = (*store)->models();
  if (!models) return {"home", false, models.error().message};
  // Every package that is registered must still be there; files are checked against their digests when
  // loaded.
  for (const auto& version : *models)
    if (const auto folder = (*store)->package_folder(version.digest); !folder)
      return {"home", false,
              fmt::format("the package of {} version {} is gone: {}", version.model, version.version,
                          folder.error().message)};
  return {"home", true, fmt::format("{}, {} model versions", session.home.string(), models->size())};
}

Check check_server(Session& session) {
  const auto server = find_server(session.home);
  if (!server) return {"server", true, "not running"};
  const auto answer = call(*server, "GET", "/v2/health/ready");
  return {
      "server", answer.has_value(),
      answer ? fmt::format("ready on port {} (pid {})", server->port, server->pid) : answer.error().message};
}

Check check_processor() {
  std::ifstream info("/proc/cpuinfo");
  std::string line, flags;
  while (std::getline(info, line))
    if (line.starts_with("flags")) flags = line;
  std::string found;
  for (const char* flag : {"avx2", "avx512f", "avx512_vnni", "avx512_bf16"})
    if (flags.find(std::string(" ") + flag) != std::string::npos) found += std::string(" ") + flag;
  return {"processor", true,
          fmt::format("{} cores;{}", processors(), found.empty() ? " no vector extensions found" : found)};
}

Status doctor(Session& session) {
  std::vector<Check> checks{check_processor()};
  const Json installed = versions(session);
  for (const auto& [name, version] : installed.items()) checks.push_back(check_versions(name, version));
  checks.push_back(check_disk(session.home));
  checks.push_back(check_home(session));
  checks.push_back(check_server(session));
  Json documents = Json::array();
  std::size_t bad = 0;
  for (const Check& check : checks) {
    bad += check.good ? 0 : 1;
    Json& document = documents.emplace_back(Json::object());
    document["check"] = check.name;
    document["good"] = check.good;
    document["detail"] = check.detail;
    if (!session.json)
      std::fputs(fmt::format("{} {:<12} {}\n", check.good ? coloured("✓", "32") : coloured("✗", "31"),
                             check.name, printable(check.detail))
                     .c_str(),
                 stdout);
  }
  if (session.json) Session::print(documents);
  if (bad > 0)
    return failed_precondition(fmt::format("{} of {} checks failed; see above", bad, checks.size()));
  return {};
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session, Action& action) {
  CLI::App* command =
      app.add_subcommand("doctor", "Check engines, disk, home and server, and say what to mend");
  command->footer("\nExample:\n  amas doctor");
  command->callback([&] { action = [&session] { return doctor(session); }; });
}

}  // namespace amas::cli
