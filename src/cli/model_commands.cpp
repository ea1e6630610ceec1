#include <fmt/format.h>

#include <cstdio>

#include "base/text.h"
#include "cli/curves_text.h"
#include "cli/http_client.h"
#include "cli/session.h"
#include "model/package.h"
#include "pipeline/spec.h"
#include "pipeline/steps.h"

namespace amas::cli {
namespace {

namespace fs = std::filesystem;

// The version that a user names: its number, or the newest.
Result<store::ModelVersion> find_version(store::Store& store, const std::string& model,
                                         std::int64_t version) {
  AMAS_TRY(const auto versions, store.models(model));
  if (versions.empty()) {
    AMAS_TRY(const auto all, store.models());
    std::string names;
    for (const auto& other : all)
      if (names.find(other.model) == std::string::npos) names += (names.empty() ? "" : ", ") + other.model;
    return not_found(fmt::format("no such model: {}; there {}", model,
                                 names.empty() ? "is none yet; make one with `amas run`" : "are: " + names));
  }
  if (version == 0) return versions.back();
  for (const auto& one : versions)
    if (one.version == version) return one;
  return not_found(fmt::format("model {} has no version {}; its versions end at {}", model, version,
                               versions.back().version));
}

Result<model::Package> open_version(store::Store& store, const store::ModelVersion& version) {
  AMAS_TRY(const fs::path folder, store.package_folder(version.digest));
  return model::Package::open(folder);
}

Json variants_json(store::Store& store, const model::Package& package) {
  Json variants = Json::array();
  const auto measured = store.measurements(package.digest());
  for (const model::Variant& variant : package.manifest().variants) {
    Json row{{"name", variant.name},       {"bytes", variant.bytes},
             {"metrics", variant.metrics}, {"accuracy_drop", variant.accuracy_drop},
             {"allowed", variant.allowed}, {"details", variant.details}};
    if (measured)
      for (const store::Measurement& one : *measured)
        if (one.variant == variant.name) {
          row["p50_us"] = one.latency_p50_us;
          row["p99_us"] = one.latency_p99_us;
          row["memory_bytes"] = one.memory_bytes;
        }
    variants.push_back(row);
  }
  return variants;
}

std::string variants_text(const Json& variants) {
  std::vector<std::vector<std::string>> rows{
      {"VARIANT", "VALID ACC", "DROP", "TEST ACC", "FILE", "P50", "P99", "MEMORY", ""}};
  const auto number = [](const Json& from, const char* key, double scale, const char* form) {
    const Json value = from.value(key, Json());
    return value.is_number() ? fmt::format(fmt::runtime(form), value.get<double>() * scale)
                             : std::string("-");
  };
  for (const Json& row : variants)
    rows.push_back({row["name"], number(row["metrics"], "accuracy", 1, "{:.4f}"),
                    number(row, "accuracy_drop", 1, "{:+.4f}"),
                    number(row["metrics"], "test_accuracy", 1, "{:.4f}"),
                    number(row, "bytes", 1e-6, "{:.2f} MB"), number(row, "p50_us", 1, "{:.0f} µs"),
                    number(row, "p99_us", 1, "{:.0f} µs"), number(row, "memory_bytes", 1e-6, "{:.1f} MB"),
                    row["allowed"] == true ? "" : "beyond accuracy_drop_max"});
  return format_table(rows);
}

Result<Json> lineage_json(store::Store& store, const store::ModelVersion& version,
                          const model::Package& package) {
  const model::Lineage& lineage = package.manifest().lineage;
  Json chain = Json::array();
  chain.push_back({{"stage", "source"}, {"name", lineage.source}, {"digest", lineage.source_digest}});
  Json dataset{{"stage", "dataset"}, {"digest", lineage.dataset_digest}};
  AMAS_TRY(const auto datasets, store.datasets());
  for (const auto& one : datasets)
    if (one.digest == lineage.dataset_digest) {
      dataset["name"] = one.name + "@" + std::to_string(one.version);
      dataset["rows"] = one.detail.value("rows", Json());
    }
  chain.push_back(dataset);
  chain.push_back({{"stage", "training"},
                   {"name", package.manifest().candidate},
                   {"digest", lineage.spec_digest},
                   {"seed", lineage.seed},
                   {"run", version.run},
                   {"libraries", lineage.libraries},
                   {"amas", lineage.amas_version}});
  chain.push_back({{"stage", "package"},
                   {"digest", package.digest()},
                   {"files", package.manifest().files},
                   {"conversion_difference", package.manifest().conversion_difference}});
  chain.push_back({{"stage", "version"}, {"name", version.model + "@" + std::to_string(version.version)}});
  AMAS_TRY(const auto deployments, store.deployments());
  for (const auto& deployment : deployments)
    for (const auto& target : deployment.targets)
      if (deployment.model == version.model && target.version == version.version)
        chain.push_back({{"stage", "deployment"},
                         {"name", deployment.name},
                         {"variant", target.variant},
                         {"generation", deployment.generation},
                         {"tenants", deployment.tenants}});
  return chain;
}

std::string lineage_text(const Json& chain) {
  std::string text;
  for (const Json& stage : chain) {
    const Json digest = stage.value("digest", Json());
    std::string detail;
    for (const auto& [key, value] : stage.items())
      if (key != "stage" && key != "name" && key != "digest" && key != "files")
        detail += fmt::format("  {} {}", key,
                              printable(value.is_string() ? value.get<std::string>() : dump_json(value)));
    const Json name = stage.value("name", Json(""));
    text += fmt::format("{}{:<11} {:<22} {}{}\n", text.empty() ? "" : "  ↓\n",
                        stage["stage"].get<std::string>(), printable(name.get<std::string>()),
                        digest.is_string() ? "sha256:" + printable(digest.get<std::string>()) : "",
                        coloured(detail, "2"));
  }
  return text;
}

struct ShowOptions {
  std::string model;
  std::int64_t version = 0;
  bool lineage = false;
  std::string target;
};

Status show_model(Session& session, const ShowOptions& options) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const model::Package package, open_version(*store, version));
  if (options.lineage) {
    AMAS_TRY(const Json chain, lineage_json(*store, version, package));
    if (session.json) Session::print(chain);
    else print_text(lineage_text(chain));
    return {};
  }
  const model::Manifest& manifest = package.manifest();
  const Json variants = variants_json(*store, package);
  if (session.json) {
    AMAS_TRY(Json document, parse_json(model::to_json(manifest)));
    document["version"] = version.version;
    document["digest"] = package.digest();
    document["variants"] = variants;
    Session::print(document);
    return {};
  }
  std::vector<std::vector<std::string>> metrics{{"TEST METRIC", "VALUE", "95 % INTERVAL"}};
  for (const auto& [name, metric] : manifest.metrics)
    metrics.push_back(
        {name, fmt::format("{:.4f}", metric.value), fmt::format("{:.4f} – {:.4f}", metric.low, metric.high)});
  print_text(fmt::format("{} version {}: {} ({}), labels {}\npackage {}\n\n{}\n{}",
                         coloured(printable(manifest.name), "1"), version.version,
                         printable(manifest.candidate), printable(manifest.task),
                         printable(dump_json(Json(manifest.labels))), printable(package.folder().string()),
                         format_table(metrics), variants_text(variants)));
  const std::string curves = curves_text(
      "training",
      pipeline::events_folder(*store, manifest.name, manifest.candidate, manifest.lineage.spec_digest));
  if (!curves.empty()) print_text("\n" + curves);
  return {};
}

Status list_models(Session& session) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const auto versions, store->models());
  AMAS_TRY(const auto deployments, store->deployments());
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"MODEL", "VERSION", "CANDIDATE", "TEST ACCURACY", "DEPLOYED AS", "PACKAGE"}};
  for (const auto& version : versions) {
    AMAS_TRY(const model::Package package, open_version(*store, version));
    std::string deployed;
    for (const auto& deployment : deployments)
      for (const auto& target : deployment.targets)
        if (deployment.model == version.model && target.version == version.version)
          deployed += (deployed.empty() ? "" : ", ") + deployment.name + " (" + target.variant + ")";
    const auto accuracy = package.manifest().metrics.find("accuracy");
    rows.push_back(
        {version.model, std::to_string(version.version), package.manifest().candidate,
         accuracy == package.manifest().metrics.end() ? "-" : fmt::format("{:.4f}", accuracy->second.value),
         deployed, version.digest.substr(0, 16)});
    documents.push_back({{"model", version.model},
                         {"version", version.version},
                         {"candidate", package.manifest().candidate},
                         {"digest", version.digest},
                         {"run", version.run},
                         {"deployed", deployed}});
  }
  if (session.json) Session::print(documents);
  else
    print_text(rows.size() == 1 ? "No models yet; make one with `amas run SPEC.yaml`.\n"
                                : format_table(rows));
  return {};
}

Status export_model(Session& session, const ShowOptions& options) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const fs::path folder, store->package_folder(version.digest));
  if (fs::exists(options.target))
    return Error{Code::kAlreadyExists, "the target exists already; name a new folder: " + options.target};
  std::error_code code;
  fs::copy(folder, options.target, fs::copy_options::recursive, code);
  if (code) return internal_error(fmt::format("cannot copy to {}: {}", options.target, code.message()));
  if (!session.json)
    print_text(
        fmt::format("{} version {} is in {}\n", version.model, version.version, printable(options.target)));
  else
    Session::print({{"model", version.model},
                    {"version", version.version},
                    {"digest", version.digest},
                    {"folder", options.target}});
  return {};
}

struct DeployOptions {
  std::string model;
  std::string as;
  std::string variant;
  std::int64_t version = 0;
  bool list = false;
  bool remove = false;
};

Status list_deployments(Session& session) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const auto deployments, store->deployments());
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{{"DEPLOYMENT", "MODEL", "VERSION", "VARIANT", "GENERATION"}};
  for (const auto& deployment : deployments)
    for (const auto& target : deployment.targets) {
      rows.push_back({deployment.name, deployment.model, std::to_string(target.version), target.variant,
                      std::to_string(deployment.generation)});
      documents.push_back({{"name", deployment.name},
                           {"model", deployment.model},
                           {"version", target.version},
                           {"variant", target.variant}});
    }
  if (session.json) Session::print(documents);
  else print_text(rows.size() == 1 ? "Nothing is deployed yet.\n" : format_table(rows));
  return {};
}

Status deploy(Session& session, const DeployOptions& options) {
  if (options.list) return list_deployments(session);
  if (options.model.empty())
    return invalid_argument("name the model to deploy, or use --list; see `amas deploy --help`");
  AMAS_TRY(store::Store * store, session.store());
  if (options.remove) return store->remove_deployment(options.model);
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const model::Package package, open_version(*store, version));
  const std::string variant = options.variant.empty() ? "fp32" : options.variant;
  if (package.manifest().find_variant(variant) == nullptr) {
    std::string known;
    for (const auto& one : package.manifest().variants) known += (known.empty() ? "" : ", ") + one.name;
    return not_found(fmt::format("model {} version {} has no variant {}; its variants: {}", version.model,
                                 version.version, variant, known));
  }
  store::Deployment deployment;
  deployment.name = options.as.empty() ? options.model : options.as;
  AMAS_CHECK(pipeline::check_name(deployment.name));
  deployment.model = options.model;
  deployment.targets = {{version.version, variant}};
  AMAS_TRY(const store::Deployment stored, store->put_deployment(deployment));
  if (session.json) {
    Session::print({{"name", stored.name},
                    {"model", stored.model},
                    {"version", version.version},
                    {"variant", variant},
                    {"generation", stored.generation}});
    return {};
  }
  const auto server = find_server(session.home);
  print_text(fmt::format("{} serves {} version {} ({}){}\n", stored.name, stored.model, version.version,
                         variant,
                         server ? fmt::format("; the server on port {} takes it over now", server->port)
                                : "; start a server with `amas serve`"));
  return {};
}

}  // namespace

void add_model_commands(CLI::App& app, Session& session, Action& action) {
  CLI::App* model = app.add_subcommand("model", "List, show and export models")->require_subcommand(1);
  model->footer(
      "\nExamples:\n  amas model list\n  amas model show spam\n  amas model show spam --lineage\n  amas "
      "model export spam ./spam-package");
  model->add_subcommand("list", "List all versions of all models")->callback([&] {
    action = [&session] { return list_models(session); };
  });
  auto options = std::make_shared<ShowOptions>();
  CLI::App* show = model->add_subcommand("show", "Show a model: metrics, variants, measured latency");
  show->add_option("model", options->model, "Its name")->required();
  show->add_option("--version", options->version, "Its version [the newest]");
  show->add_flag("--lineage", options->lineage, "Where it comes from: raw data to deployment");
  show->callback([&session, &action, options] {
    action = [&session, options] { return show_model(session, *options); };
  });
  CLI::App* copy =
      model->add_subcommand("export", "Copy a package (ONNX, pipeline, manifest, card) to a folder");
  copy->add_option("model", options->model, "Its name")->required();
  copy->add_option("folder", options->target, "The new folder")->required();
  copy->add_option("--version", options->version, "Its version [the newest]");
  copy->callback([&session, &action, options] {
    action = [&session, options] { return export_model(session, *options); };
  });
  auto deploy_options = std::make_shared<DeployOptions>();
  CLI::App* command = app.add_subcommand(
      "deploy", "Serve a version of a model under a name; a running server follows at once");
  command->add_option("model", deploy_options->model, "The model (with --remove: the deployment)");
  command->add_option("--version", deploy_options->version, "Its version [the newest]");
  command->add_option("--variant", deploy_options->variant, "fp32, int8, pruned or pruned-int8 [fp32]");
  command->add_option("--as", deploy_options->as, "Name to serve it under [the model's]");
  command->add_flag("--list", deploy_options->list, "List deployments");
  command->add_flag("--remove", deploy_options->remove, "Stop serving it");
  command->footer(
      "\nExamples:\n  amas deploy spam --version 1 --variant int8\n  amas deploy spam --version 2 --as "
      "spam-next\n  amas deploy --list");
  command->callback([&session, &action, deploy_options] {
    action = [&session, deploy_options] { return deploy(session, *deploy_options); };
  });
}

}  // namespace amas::cli
