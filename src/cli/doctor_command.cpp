#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "base/text.h"
#include "base/threads.h"
#include "cli/http_client.h"
#include "cli/registered.h"
#include "cli/server_verdict.h"
#include "cli/session.h"
#include "engines/sequence/sequence_engine.h"
#include "pipeline/kept_package.h"

namespace amas::cli {
namespace {

struct Check {
  std::string name;
  bool good = true;
  std::string detail;
};

constexpr std::size_t kIndent = 4;  // of what is too long for its line
constexpr double kDiskFreeWanted = 1e9;

Check check_versions(const std::string& name, const Json& version) {
  const std::string text = version.is_string() ? version.get<std::string>() : dump_json(version);
  return {name, !text.starts_with("missing"), text};
}

Check check_kernels() {
  const std::string_view kernels = engines::sequence_kernels();
  const char* asked = std::getenv("AMAS_KERNELS");
  if (asked != nullptr && kernels != asked)
    return {
        "kernels", false,
        fmt::format("{}: $AMAS_KERNELS names what this processor does not run: {}; there are avx512-vnni, "
                    "avx2 and portable",
                    kernels, printable(asked))};
  std::string detail(kernels);
  if (asked != nullptr) detail += ", as $AMAS_KERNELS asks";
  else if (kernels == "portable") detail += "; right, but slow: this processor lacks AVX2";
  if (kernels == "avx2") detail += "; compiled-int8 variants run as int16 on these: int8 needs AVX-512 VNNI";
  return {"kernels", true, detail};
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
          fmt::format("{} free at {}{}", format_bytes(free_bytes), existing.string(),
                      free_bytes > kDiskFreeWanted ? "" : "; free some: a run needs about 1 GB")};
}

Check check_home(Session& session) {
  if (const Status there = session.check_home(); !there)
    return {"home", there.error().code == Code::kNotFound, there.error().message};
  const auto store = session.store_to_read();
  if (!store) return {"home", false, store.error().message};
  const bool writable = ::access(session.home.c_str(), W_OK) == 0;
  return {"home", true,
          session.home.string() + (writable ? "" : "; read-only: `amas run` and `amas serve` need another")};
}

// Every package that is registered, file by file.
std::vector<Check> check_packages(const store::Store& store) {
  const auto models = store.models();
  if (!models) return {{"packages", false, models.error().message}};
  std::vector<Check> checks;
  for (const auto& version : *models)
    if (const auto package = pipeline::open_whole_package(store, version.digest); !package)
      checks.push_back(
          {"packages", false,
           fmt::format("{} version {}: {}", version.model, version.version, package.error().message)});
  if (checks.empty())
    checks.push_back({"packages", true, fmt::format("{} model versions, all whole", models->size())});
  return checks;
}

// Everything that a deployment wants must be registered.
std::vector<Check> check_deployments(const store::Store& store) {
  const auto deployments = store.deployments();
  if (!deployments) return {{"deployments", false, deployments.error().message}};
  std::vector<Check> checks;
  for (const auto& deployment : *deployments)
    for (const auto& target : deployment.targets)
      if (const auto found = find_version(store, deployment.model, target.version); !found)
        checks.push_back({"deployments", false,
                          fmt::format("{}: {}; `amas deploy` another version, or `amas deploy --remove {}`",
                                      deployment.name, found.error().message, deployment.name)});
  if (checks.empty()) checks.push_back({"deployments", true, fmt::to_string(deployments->size())});
  return checks;
}

// Every blob that is there, and every dataset's.
std::vector<Check> check_blobs(const store::Store& store) {
  const auto blobs = store.blobs();
  if (!blobs) return {{"blobs", false, blobs.error().message}};
  std::vector<Check> checks;
  for (const std::string& digest : *blobs)
    if (const Status status = store.check_blob(digest); !status)
      checks.push_back({"blobs", false, status.error().message});
  const auto datasets = store.datasets();
  if (!datasets) return {{"blobs", false, datasets.error().message}};
  for (const auto& dataset : *datasets)
    if (!store.has_blob(dataset.digest))
      checks.push_back(
          {"blobs", false,
           fmt::format("dataset {}@{} is missing: {}; `amas data import SPEC.yaml` makes it anew",
                       dataset.name, dataset.version, store.blob_path(dataset.digest).string())});
  if (checks.empty()) checks.push_back({"blobs", true, fmt::format("{}, all whole", blobs->size())});
  return checks;
}

// What the home holds: each check is one line, or one for each damage.
std::vector<Check> check_contents(Session& session) {
  const auto store = session.store_to_read();
  if (!store) return {};  // check_home has said why
  std::vector<Check> checks;
  for (const auto& check : {check_packages, check_deployments, check_blobs})
    std::ranges::move(check(**store), std::back_inserter(checks));
  return checks;
}

Check check_server(Session& session) {
  const auto server = find_server(session.home);
  if (!server) return {"server", true, "not running"};
  const auto deployments = deployments_of(*server);
  if (!deployments) return {"server", false, deployments.error().message};
  std::string missing;
  for (const Json& deployment : *deployments)
    for (const Json& version : deployment.value("wanted", Json::array()))
      if (version.value("state", "") != "available")
        missing += fmt::format("; {} {}", deployment.value("name", ""), version_text(version));
  return {"server", missing.empty(),
          fmt::format("on port {} (pid {}), {} deployments{}", server->port, server->pid, deployments->size(),
                      missing.empty() ? " ready" : missing)};
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
  std::vector<Check> checks{check_processor(), check_kernels()};
  const Json installed = versions(session);
  for (const auto& [name, version] : installed.items()) checks.push_back(check_versions(name, version));
  checks.push_back(check_disk(session.home));
  checks.push_back(check_home(session));
  std::ranges::move(check_contents(session), std::back_inserter(checks));
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
      print_text(
          wrap_lines(fmt::format("{} {:<12} {}\n", check.good ? coloured("✓", "32") : coloured("✗", "31"),
                                 check.name, printable(check.detail)),
                     kIndent));
  }
  if (session.json) Session::print(documents);
  if (bad > 0)
    return failed_precondition(fmt::format("{} of {} checks failed; see above", bad, checks.size()));
  return {};
}

}  // namespace

void add_doctor_command(CLI::App& app, Session& session, Action& action) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Check engines, disk, home (every package and blob) and server, and say what to mend");
  command->footer("Example:\n  amas doctor");
  command->callback([&] { action = [&session] { return doctor(session); }; });
}

}  // namespace amas::cli
