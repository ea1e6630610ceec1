#include "cli/session.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/install.h"
#include "cli/usage.h"
#include "engines/duckdb/duckdb_reader.h"
#include "pipeline/worker_process.h"
#include "server/engines.h"

namespace amas::cli {
namespace {

// What is not there may become a folder; what is there must be one.
Status check_is_folder(const std::filesystem::path& home) {
  if (home.empty()) return no_home();
  struct stat info {};
  if (::stat(home.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return invalid_argument(
        fmt::format("the home is a file, not a folder: {}; name another with --home", home.string()));
  }
  if (errno == ENOTDIR)
    return invalid_argument(
        fmt::format("the home lies below a file: {}; name another with --home", home.string()));
  return errno == ENOENT ? Status{} : errno_error("cannot read the home", home);
}

}  // namespace

Status Session::check_home() const {
  AMAS_CHECK(check_is_folder(home));
  struct stat info {};
  if (::stat((home / "home.db").c_str(), &info) == 0) return {};
  if (errno != ENOENT) return errno_error("cannot read the home", home);
  return not_found(
      fmt::format("there is no home at {}; make one with `amas run SPEC.yaml`, or name another with --home",
                  home.string()));
}

Result<const store::Store*> Session::store_to_read() {
  AMAS_CHECK(check_home());
  if (!store_to_read_) {
    AMAS_TRY(store_to_read_, store::Store::open_to_read(home));
  }
  return store_to_read_.get();
}

Result<store::Store*> Session::store_to_change() {
  AMAS_CHECK(check_home());
  return store();
}

Result<store::Store*> Session::store() {
  AMAS_CHECK(check_is_folder(home));
  if (!store_) {
    AMAS_TRY(store_, store::Store::open(home));
  }
  return store_.get();
}

Result<engine::EngineSet*> Session::engine() {
  if (!engine_) {
    AMAS_TRY(engine_, server::open_engines());
  }
  return engine_.get();
}

Result<table::TableReader*> Session::reader() {
  if (!reader_) {
    AMAS_TRY(const auto library, find_installed(kDuckDbLibrary));
    reader_ = engines::make_duckdb_reader(library);
  }
  return reader_.get();
}

std::filesystem::path default_home() {
  const auto set = [](const char* name) -> std::filesystem::path {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (auto home = set("AMAS_HOME"); !home.empty()) return home;
  const auto user = set("HOME");
  return user.empty() ? user : user / ".amas";
}

Error no_home() {
  return invalid_argument(
      "there is no place for a home: neither $AMAS_HOME nor $HOME is set; name a folder with --home");
}

Result<store::Deployment> find_deployment(const store::Store& store, const std::string& name) {
  AMAS_TRY(const auto deployments, store.deployments());
  std::vector<std::string> known;
  for (const store::Deployment& deployment : deployments) {
    if (deployment.name == name) return deployment;
    known.push_back(deployment.name);
  }
  return unknown_name("deployment", name, known);
}

void Session::print(const Json& document) { print_text(dump_json(document) + "\n"); }

Json versions(Session& session) {
  Json all{{"amas", AMAS_VERSION}};
  const auto keep = [&](const char* name, const auto& result, const auto& version_of) {
    all[name] = result ? Json(version_of(*result)) : Json("missing: " + result.error().message);
  };
  const auto engines = session.engine();
  if (!engines) all["onnxruntime"] = "missing: " + engines.error().message;
  else
    for (const auto& engine : (*engines)->engines()) all[std::string(engine->name())] = engine->version();
  keep("duckdb", session.reader(), [](table::TableReader* reader) { return reader->version(); });
  const auto program = find_installed(kWorkerProgram);
  const auto worker = program ? pipeline::worker_version(*program) : Result<Json>(program.error());
  keep("worker", worker, [](const Json& version) { return version; });
  return all;
}

}  // namespace amas::cli
