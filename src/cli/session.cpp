#include "cli/session.h"

#include <fmt/format.h>

#include "base/install.h"
#include "engines/duckdb/duckdb_reader.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "pipeline/worker_process.h"

namespace amas::cli {

Result<store::Store*> Session::store() {
  if (!store_) {
    AMAS_TRY(store_, store::Store::open(home));
  }
  return store_.get();
}

Result<engine::Engine*> Session::engine() {
  if (!engine_) {
    AMAS_TRY(const auto library, find_installed(kOnnxRuntimeLibrary));
    AMAS_TRY(engine_, engines::open_onnxruntime(library));
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

void Session::print(const Json& document) { print_text(dump_json(document) + "\n"); }

Json versions(Session& session) {
  Json all{{"amas", AMAS_VERSION}};
  const auto keep = [&](const char* name, const auto& result, const auto& version_of) {
    all[name] = result ? Json(version_of(*result)) : Json("missing: " + result.error().message);
  };
  keep("onnxruntime", session.engine(), [](engine::Engine* engine) { return engine->version(); });
  keep("duckdb", session.reader(), [](table::TableReader* reader) { return reader->version(); });
  const auto program = find_installed(kWorkerProgram);
  const auto worker = program ? pipeline::worker_version(*program) : Result<Json>(program.error());
  keep("worker", worker, [](const Json& version) { return version; });
  return all;
}

}  // namespace amas::cli
