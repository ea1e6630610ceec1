#include "store/schema.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

namespace amas::store {
namespace {

// Migration i leads from user_version i to i + 1. One that has been released is never changed: a new one is
// added. docs/formats/home.md explains the columns.
constexpr std::array<std::string_view, 2> kMigrations{{
    R"sql(
      CREATE TABLE datasets (
        name TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, detail TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        PRIMARY KEY (name, version), UNIQUE (name, digest)) STRICT;
      CREATE TABLE models (
        model TEXT NOT NULL, version INTEGER NOT NULL, digest TEXT NOT NULL, run TEXT NOT NULL,
        created_us INTEGER NOT NULL,
        PRIMARY KEY (model, version), UNIQUE (model, digest)) STRICT;
      CREATE TABLE measurements (
        digest TEXT NOT NULL, variant TEXT NOT NULL, latency_p50_us REAL NOT NULL,
        latency_p99_us REAL NOT NULL, memory_bytes REAL NOT NULL, measured_us INTEGER NOT NULL,
        PRIMARY KEY (digest, variant)) STRICT;
      CREATE TABLE deployments (
        name TEXT NOT NULL PRIMARY KEY, model TEXT NOT NULL, targets TEXT NOT NULL, tenants TEXT NOT NULL,
        monitor TEXT NOT NULL, generation INTEGER NOT NULL) STRICT;
      CREATE TABLE steps (
        key TEXT NOT NULL PRIMARY KEY, step TEXT NOT NULL, result TEXT NOT NULL,
        finished_us INTEGER NOT NULL) STRICT;
      CREATE TABLE runs (
        id TEXT NOT NULL PRIMARY KEY, spec_name TEXT NOT NULL, state TEXT NOT NULL, detail TEXT NOT NULL,
        started_us INTEGER NOT NULL, finished_us INTEGER NOT NULL) STRICT;
      CREATE TABLE counters (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT;
      INSERT INTO counters VALUES ('deployments_generation', 0);
    )sql",
    // Nothing read it.
    "ALTER TABLE deployments DROP COLUMN monitor;",
}};

}  // namespace

int schema_version() { return static_cast<int>(kMigrations.size()); }

Result<bool> has_current_schema(Database& database) {
  AMAS_TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (version > schema_version() || version < 0)
    return failed_precondition(
        fmt::format("home was written by a newer amas: schema {} > {}; use that amas, or another --home",
                    version, schema_version()));
  return version == schema_version();
}

Status migrate(Database& database) {
  AMAS_TRY(bool current, has_current_schema(database));
  if (current) return {};
  AMAS_TRY(Transaction transaction, Transaction::begin(database));
  // From here on no other process changes the schema; one may have done so while we waited.
  AMAS_TRY(current, has_current_schema(database));
  AMAS_TRY(std::int64_t version, database.number("PRAGMA user_version"));
  for (; version < schema_version(); ++version)
    AMAS_CHECK(database.run_script(std::string(kMigrations[static_cast<std::size_t>(version)])));
  AMAS_CHECK(database.run(fmt::format("PRAGMA user_version = {}", schema_version())));
  return transaction.commit();
}

}  // namespace amas::store
