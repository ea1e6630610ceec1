#include "store/store.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/threads.h"
#include "store/content.h"
#include "store/database.h"
#include "store/schema.h"

namespace amas::store {
namespace {

constexpr int kBusyTimeoutMs = 10'000;
constexpr std::int64_t kIncomingAgeMaxSeconds = 3'600;

// JSON that we wrote ourselves; anything else in its place is damage.
Result<Json> stored_json(const std::string& text) {
  auto json = parse_json(text);
  if (!json) return data_loss("home's database holds broken JSON: " + json.error().message);
  return *json;
}

Result<Deployment> read_deployment(const Statement& row) {
  Deployment deployment{.name = row.text(0), .model = row.text(1), .targets = {}, .tenants = {}};
  AMAS_TRY(const Json targets, stored_json(row.text(2)));
  for (const Json& target : targets) {
    AMAS_TRY(const auto version, json_field<std::int64_t>(target, "version"));
    AMAS_TRY(std::string variant, json_field<std::string>(target, "variant"));
    std::vector<std::string> labels;
    if (target.contains("labels")) {
      AMAS_TRY(labels, json_array<std::string>(target, "labels"));
    }
    deployment.targets.push_back({version, std::move(variant), std::move(labels)});
  }
  AMAS_TRY(const Json tenants, stored_json(row.text(3)));
  for (const Json& tenant : tenants)
    if (tenant.is_string()) deployment.tenants.push_back(tenant.get<std::string>());
  deployment.generation = row.integer(4);
  return deployment;
}

Result<std::int64_t> next_generation(Database& database) {
  return database.number(
      "UPDATE counters SET value = value + 1 WHERE name = 'deployments_generation' RETURNING value");
}

// SQLite takes an empty file for a new database; but nothing is kept before the database has its tables.
Status check_not_emptied(Database& database, const std::filesystem::path& home) {
  AMAS_TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (version != 0) return {};
  for (const char* folder : {"packages", "blobs"}) {
    AMAS_TRY(const std::vector<std::string> kept, list_folder(home / folder));
    if (!kept.empty())
      return data_loss(
          fmt::format("the home's database is empty, but {} are there: {}; restore home.db from a backup, or "
                      "use another --home",
                      folder, home.string()));
  }
  return {};
}

}  // namespace

struct Store::State {
  std::filesystem::path home;
  const Clock& clock;
  ContentFolder content;
  mutable Guarded<Database> database;

  // Runs `read(row)` for each row and collects what it returns.
  template <class T, class Read, class... Values>
  Result<std::vector<T>> collect(Read read, std::string_view sql, const Values&... values) const {
    return database.with([&](Database& open) -> Result<std::vector<T>> {
      AMAS_TRY(Statement rows, open.query(sql, values...));
      std::vector<T> all;
      for (;;) {
        AMAS_TRY(const bool more, rows.next());
        if (!more) return all;
        AMAS_TRY(T value, read(rows));
        all.push_back(std::move(value));
      }
    });
  }

  template <class... Values>
  Status change(std::string_view sql, const Values&... values) {
    return database.with([&](Database& open) { return open.run(sql, values...); });
  }
};

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& home, const Clock& clock) {
  ContentFolder content(home);
  AMAS_CHECK(content.prepare(kIncomingAgeMaxSeconds));
  AMAS_TRY(Database database, Database::open(home / "home.db", kBusyTimeoutMs));
  AMAS_CHECK(check_not_emptied(database, home));
  AMAS_CHECK(migrate(database));
  auto state =
      std::unique_ptr<State>(new State{home, clock, std::move(content), Guarded(std::move(database))});
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Result<std::unique_ptr<Store>> Store::open_to_read(const std::filesystem::path& home, const Clock& clock) {
  AMAS_TRY(Database database, Database::open_to_read(home / "home.db", kBusyTimeoutMs));
  AMAS_TRY(const bool current, has_current_schema(database));
  if (!current) return open(home, clock);
  auto state =
      std::unique_ptr<State>(new State{home, clock, ContentFolder(home), Guarded(std::move(database))});
  return std::unique_ptr<Store>(new Store(std::move(state)));
}

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::~Store() = default;

const std::filesystem::path& Store::home() const { return state_->home; }

Result<std::string> Store::put_blob(std::string_view bytes) { return state_->content.put_blob(bytes); }
Result<std::string> Store::get_blob(std::string_view digest) const {
  return state_->content.get_blob(digest);
}
Status Store::check_blob(std::string_view digest) const { return state_->content.check_blob(digest); }
Result<std::vector<std::string>> Store::blobs() const { return state_->content.blobs(); }
bool Store::has_blob(std::string_view digest) const { return state_->content.has_blob(digest); }
std::filesystem::path Store::blob_path(std::string_view digest) const {
  return state_->content.blob_path(digest);
}

Status Store::put_package(std::string_view digest, const std::map<std::string, std::string>& files) {
  return state_->content.put_package(digest, files);
}
Result<std::filesystem::path> Store::package_folder(std::string_view digest) const {
  return state_->content.package_folder(digest);
}

Result<DatasetRecord> Store::put_dataset(const std::string& name, const std::string& digest,
                                         const Json& detail) {
  return state_->database.with([&](Database& database) -> Result<DatasetRecord> {
    AMAS_TRY(Transaction transaction, Transaction::begin(database));
    // From here on no other process registers datasets, so a version is given once.
    AMAS_CHECK(database.run(
        "INSERT INTO datasets SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4 FROM datasets "
        "WHERE name = ?1 ON CONFLICT (name, digest) DO NOTHING",
        name, digest, dump_json(detail), state_->clock.now_us()));
    AMAS_TRY(Statement row,
             database.query("SELECT version, detail, created_us FROM datasets WHERE name = ? AND digest = ?",
                            name, digest));
    AMAS_TRY(const bool found, row.next());
    if (!found) return internal_error("a dataset just registered is not there: " + name);
    AMAS_TRY(Json kept, stored_json(row.text(1)));
    DatasetRecord record{name, row.integer(0), digest, std::move(kept), row.integer(2)};
    AMAS_CHECK(transaction.commit());
    return record;
  });
}

Result<std::vector<DatasetRecord>> Store::datasets() const {
  const auto read = [](const Statement& row) -> Result<DatasetRecord> {
    AMAS_TRY(Json detail, stored_json(row.text(3)));
    return DatasetRecord{row.text(0), row.integer(1), row.text(2), std::move(detail), row.integer(4)};
  };
  return state_->collect<DatasetRecord>(
      read, "SELECT name, version, digest, detail, created_us FROM datasets ORDER BY name, version");
}

Result<ModelVersion> Store::put_model(const std::string& model, const std::string& digest,
                                      const std::string& run) {
  return state_->database.with([&](Database& database) -> Result<ModelVersion> {
    AMAS_TRY(Transaction transaction, Transaction::begin(database));
    // From here on no other process registers models, so a version is given once.
    AMAS_CHECK(
        database.run("INSERT INTO models SELECT ?1, coalesce(max(version), 0) + 1, ?2, ?3, ?4 FROM models "
                     "WHERE model = ?1 ON CONFLICT (model, digest) DO NOTHING",
                     model, digest, run, state_->clock.now_us()));
    AMAS_TRY(Statement row,
             database.query("SELECT version, run, created_us FROM models WHERE model = ? AND digest = ?",
                            model, digest));
    AMAS_TRY(const bool found, row.next());
    if (!found) return internal_error("a model just registered is not there: " + model);
    ModelVersion version{model, row.integer(0), digest, row.text(1), row.integer(2)};
    AMAS_CHECK(transaction.commit());
    return version;
  });
}

Result<std::vector<ModelVersion>> Store::models(std::string_view model) const {
  const auto read = [](const Statement& row) -> Result<ModelVersion> {
    return ModelVersion{row.text(0), row.integer(1), row.text(2), row.text(3), row.integer(4)};
  };
  return state_->collect<ModelVersion>(read,
                                       "SELECT model, version, digest, run, created_us FROM models "
                                       "WHERE ?1 = '' OR model = ?1 ORDER BY model, version",
                                       model);
}

Status Store::put_measurement(const Measurement& measurement) {
  return state_->change("INSERT OR REPLACE INTO measurements VALUES (?, ?, ?, ?, ?, ?)", measurement.digest,
                        measurement.variant, measurement.latency_p50_us, measurement.latency_p99_us,
                        measurement.memory_bytes, measurement.measured_us);
}

Result<std::vector<Measurement>> Store::measurements(std::string_view digest) const {
  const auto read = [](const Statement& row) -> Result<Measurement> {
    return Measurement{row.text(0), row.text(1), row.real(2), row.real(3), row.real(4), row.integer(5)};
  };
  return state_->collect<Measurement>(
      read,
      "SELECT digest, variant, latency_p50_us, latency_p99_us, memory_bytes, measured_us "
      "FROM measurements WHERE digest = ? ORDER BY variant",
      digest);
}

Result<Deployment> Store::put_deployment(Deployment deployment) {
  Json targets = Json::array();
  for (const DeploymentTarget& target : deployment.targets)
    targets.push_back({{"version", target.version}, {"variant", target.variant}, {"labels", target.labels}});
  return state_->database.with([&](Database& database) -> Result<Deployment> {
    AMAS_TRY(Transaction transaction, Transaction::begin(database));
    AMAS_TRY(deployment.generation, next_generation(database));
    AMAS_CHECK(database.run("INSERT OR REPLACE INTO deployments VALUES (?, ?, ?, ?, ?)", deployment.name,
                            deployment.model, dump_json(targets), dump_json(Json(deployment.tenants)),
                            deployment.generation));
    AMAS_CHECK(transaction.commit());
    return std::move(deployment);
  });
}

Status Store::remove_deployment(std::string_view name) {
  return state_->database.with([&](Database& database) -> Status {
    AMAS_TRY(Transaction transaction, Transaction::begin(database));
    AMAS_TRY(const std::int64_t count,
             database.number("SELECT count(*) FROM deployments WHERE name = ?", name));
    if (count == 0) return not_found(fmt::format("no deployment with this name: {}", name));
    AMAS_CHECK(database.run("DELETE FROM deployments WHERE name = ?", name));
    AMAS_TRY([[maybe_unused]] const std::int64_t generation, next_generation(database));
    return transaction.commit();
  });
}

Result<std::vector<Deployment>> Store::deployments() const {
  return state_->collect<Deployment>(
      read_deployment, "SELECT name, model, targets, tenants, generation FROM deployments ORDER BY name");
}

Result<std::int64_t> Store::deployments_generation() const {
  return state_->database.with([](Database& database) {
    return database.number("SELECT value FROM counters WHERE name = 'deployments_generation'");
  });
}

Result<std::optional<StepRecord>> Store::find_step(std::string_view key) const {
  const auto read = [](const Statement& row) -> Result<StepRecord> {
    AMAS_TRY(Json result, stored_json(row.text(2)));
    return StepRecord{row.text(0), row.text(1), std::move(result), row.integer(3)};
  };
  AMAS_TRY(std::vector<StepRecord> found,
           state_->collect<StepRecord>(read, "SELECT key, step, result, finished_us FROM steps WHERE key = ?",
                                       key));
  if (found.empty()) return std::optional<StepRecord>();
  return std::optional(std::move(found[0]));
}

Status Store::put_step(const StepRecord& record) {
  return state_->change("INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?)", record.key, record.step,
                        dump_json(record.result), record.finished_us);
}

Status Store::put_run(const RunRecord& run) {
  return state_->change("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", run.id, run.spec_name,
                        run.state, dump_json(run.detail), run.started_us, run.finished_us);
}

Result<std::vector<RunRecord>> Store::runs() const {
  const auto read = [](const Statement& row) -> Result<RunRecord> {
    AMAS_TRY(Json detail, stored_json(row.text(3)));
    return RunRecord{row.text(0),       row.text(1),    row.text(2),
                     std::move(detail), row.integer(4), row.integer(5)};
  };
  return state_->collect<RunRecord>(read,
                                    "SELECT id, spec_name, state, detail, started_us, finished_us FROM runs "
                                    "ORDER BY started_us DESC, id");
}

}  // namespace amas::store
