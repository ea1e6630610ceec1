#include <fmt/format.h>

#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "cli/curves_text.h"
#include "cli/registered.h"
#include "cli/session.h"
#include "cli/tensor_question.h"
#include "cli/usage.h"
#include "convert/export.h"
#include "pipeline/kept_package.h"
#include "pipeline/steps.h"

namespace amas::cli {
namespace {

namespace fs = std::filesystem;

// `engine` may be null: then nothing is said of how a variant runs here.
Json variants_json(const store::Store& store, const model::Package& package, const engine::Engine* engine) {
  Json variants = Json::array();
  const auto measured = store.measurements(package.digest());
  for (const model::Variant& variant : package.manifest().variants) {
    Json row{{"name", variant.name},       {"bytes", variant.bytes},
             {"metrics", variant.metrics}, {"accuracy_drop", variant.accuracy_drop},
             {"allowed", variant.allowed}, {"details", variant.details}};
    const std::string other = engine == nullptr ? "" : pipeline::other_precision(variant, *engine);
    row["runs_as"] = other.empty() ? Json() : Json(other);
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

std::string remark_on(const Json& variant) {
  std::string text = variant["allowed"] == true   ? ""
                     : variant["metrics"].empty() ? "too far from fp32"
                                                  : "beyond accuracy_drop_max";
  if (variant["runs_as"].is_string())
    text += fmt::format("{}runs as {} on this processor", text.empty() ? "" : "; ",
                        variant["runs_as"].get<std::string>());
  return text;
}

std::string variants_text(const Json& variants) {
  std::vector<std::vector<std::string>> rows{
      {"VARIANT", "VALID ACC", "DROP", "TEST ACC", "FILE", "P50", "P99", "MEMORY", ""}};
  const auto number_in = [](const Json& from, const char* key, const auto& format) {
    const Json value = from.value(key, Json());
    return value.is_number() ? format(value.get<double>()) : std::string("-");
  };
  const auto share = [](double value) { return fmt::format("{:.4f}", value); };
  const auto drop = [](double value) { return fmt::format("{:+.4f}", value); };
  const auto latency = [](double value) { return fmt::format("{:.0f} µs", value); };
  for (const Json& row : variants)
    rows.push_back({row["name"], number_in(row["metrics"], "accuracy", share),
                    number_in(row, "accuracy_drop", drop), number_in(row["metrics"], "test_accuracy", share),
                    number_in(row, "bytes", format_bytes), number_in(row, "p50_us", latency),
                    number_in(row, "p99_us", latency), number_in(row, "memory_bytes", format_bytes),
                    remark_on(row)});
  return format_table(rows);
}

// From the dataset to the training that the model came of.
Status add_training(const store::Store& store, const store::ModelVersion& version,
                    const model::Package& package, Json& chain) {
  const model::Lineage& lineage = package.manifest().lineage;
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
  if (lineage.refit)
    chain.push_back({{"stage", "refit"},
                     {"name", package.manifest().candidate},
                     {"digest", lineage.refit->digest},
                     {"rows", lineage.refit->rows},
                     {"chosen", lineage.refit->chosen}});
  return {};
}

Result<Json> lineage_json(const store::Store& store, const store::ModelVersion& version,
                          const model::Package& package) {
  const model::Lineage& lineage = package.manifest().lineage;
  Json chain = Json::array();
  chain.push_back({{"stage", "source"}, {"name", lineage.source}, {"digest", lineage.source_digest}});
  if (!package.manifest().is_trained())
    chain.push_back({{"stage", "import"},
                     {"name", package.manifest().candidate},
                     {"libraries", lineage.libraries},
                     {"amas", lineage.amas_version}});
  else AMAS_CHECK(add_training(store, version, package, chain));
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
  std::optional<std::int64_t> version;
  bool lineage = false;
  std::string target;
  std::string to;  ///< what an export is for; empty: amas
  std::string variant = "fp32";
};

Status show_model(Session& session, const ShowOptions& options) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const model::Package package, pipeline::open_package(*store, version.digest));
  if (options.lineage) {
    AMAS_TRY(const Json chain, lineage_json(*store, version, package));
    if (session.json) Session::print(chain);
    else print_text(wrap_lines(lineage_text(chain), 4));
    return {};
  }
  const model::Manifest& manifest = package.manifest();
  const auto engine = session.engine();
  const Json variants = variants_json(*store, package, engine ? *engine : nullptr);
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
  const std::string title = fmt::format(
      "{} version {}: {} ({}), labels {}\npackage {}\n\n", coloured(printable(manifest.name), "1"),
      version.version, printable(manifest.candidate), printable(manifest.task),
      printable(dump_json(Json(manifest.labels))), printable(package.folder().string()));
  const std::string refit =
      manifest.lineage.refit
          ? fmt::format(
                "VALID ACC and DROP are of the training that had not seen the validation rows; then it "
                "was trained once more, on {} training and validation rows.\n",
                manifest.lineage.refit->rows)
          : "";
  const std::string facts = manifest.is_trained() ? format_table(metrics)
                                                  : signature_text(manifest.signatures.at("serving_default"));
  print_text(wrap_lines(title, 2) + facts + "\n" + variants_text(variants) + wrap_lines(refit, 0));
  const std::string curves = curves_text(
      "training",
      pipeline::events_folder(*store, manifest.name, manifest.candidate, manifest.lineage.spec_digest));
  if (!curves.empty()) print_text("\n" + curves);
  return {};
}

// Under which names a version is deployed, and with which variants.
std::string deployed_as(const std::vector<store::Deployment>& deployments,
                        const store::ModelVersion& version) {
  std::string text;
  for (const auto& deployment : deployments)
    for (const auto& target : deployment.targets)
      if (deployment.model == version.model && target.version == version.version)
        text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", deployment.name, target.variant);
  return text;
}

// All versions; a damaged package stands among the others, with what is wrong with it below.
Status list_models(Session& session) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto versions, store->models());
  AMAS_TRY(const auto deployments, store->deployments());
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"MODEL", "VERSION", "CANDIDATE", "TEST ACCURACY", "DEPLOYED AS", "PACKAGE"}};
  std::string damage;
  for (const auto& version : versions) {
    const auto package = pipeline::open_whole_package(*store, version.digest);
    const std::string deployed = deployed_as(deployments, version);
    std::string candidate = "damaged", accuracy = "-";
    if (package) {
      const model::Manifest& manifest = package->manifest();
      candidate = manifest.candidate;
      if (const auto found = manifest.metrics.find("accuracy"); found != manifest.metrics.end())
        accuracy = fmt::format("{:.4f}", found->second.value);
    } else {
      damage += fmt::format("! {} version {}: {}\n", version.model, version.version, package.error().message);
    }
    rows.push_back({version.model, std::to_string(version.version), candidate, accuracy, deployed,
                    version.digest.substr(0, 16)});
    documents.push_back({{"model", version.model},
                         {"version", version.version},
                         {"candidate", package ? Json(candidate) : Json()},
                         {"digest", version.digest},
                         {"run", version.run},
                         {"deployed", deployed},
                         {"damage", package ? Json() : Json(package.error().message)}});
  }
  if (session.json) Session::print(documents);
  else
    print_text(rows.size() == 1 ? "No models yet; make one with `amas run SPEC.yaml`.\n"
                                : format_table(rows) + damage);
  return {};
}

Status export_model(Session& session, const ShowOptions& options) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const model::Package package, pipeline::open_whole_package(*store, version.digest));
  if (fs::exists(options.target))
    return Error{Code::kAlreadyExists, "the target exists already; name a new folder: " + options.target};
  if (options.to.empty()) {
    std::error_code code;
    fs::copy(package.folder(), options.target, fs::copy_options::recursive, code);
    if (code) return internal_error(fmt::format("cannot copy to {}: {}", options.target, code.message()));
  } else {
    AMAS_TRY(const auto files,
             convert::export_files(
                 package, {.to = options.to, .variant = options.variant, .version = version.version}));
    for (const auto& [name, content] : files)
      AMAS_CHECK(write_file_atomic(fs::path(options.target) / name, content));
  }
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

}  // namespace

void add_model_commands(CLI::App& app, Session& session, Action& action) {
  CLI::App* model =
      app.add_subcommand("model", "List, show, import and export models")->require_subcommand(1);
  model->footer(
      "Examples:\n  amas model list\n  amas model show spam\n  amas model show spam --lineage\n  amas "
      "model export spam ./spam-package\n  amas model import net.onnx --labels ham,spam");
  CLI::App* list = model->add_subcommand("list", "List all versions of all models");
  list->footer("Examples:\n  amas model list\n  amas --json model list | jq '.[].digest'");
  list->callback([&] { action = [&session] { return list_models(session); }; });
  add_import_command(*model, session, action);
  auto options = std::make_shared<ShowOptions>();
  CLI::App* show = model->add_subcommand("show", "Show a model: metrics, variants, measured latency");
  show->add_option("model", options->model, "Its name")->required()->type_name("NAME");
  add_version_option(*show, options->version);
  show->add_flag("--lineage", options->lineage, "Where it comes from: raw data to deployment");
  show->footer(
      "Examples:\n  amas model show spam\n  amas model show spam --version 1\n  amas model show spam "
      "--lineage");
  show->callback([&session, &action, options] {
    action = [&session, options] { return show_model(session, *options); };
  });
  CLI::App* copy =
      model->add_subcommand("export", "Copy a package (ONNX, pipeline, manifest, card) to a folder");
  copy->add_option("model", options->model, "Its name")->required()->type_name("NAME");
  copy->add_option("folder", options->target, "The new folder")->required()->type_name("DIR");
  add_version_option(*copy, options->version);
  const auto to = copy->add_option("--to", options->to,
                                   "Write what a peer loads instead: onnx, triton, openvino, tfserving")
                      ->check(one_of(convert::export_targets()))
                      ->type_name("PEER");
  copy->add_option("--variant", options->variant, "Whose graph the peer gets [fp32]")
      ->type_name("VARIANT")
      ->needs(to);
  copy->footer(
      "Examples:\n  amas model export spam ./spam-package\n  amas model export spam ./spam-1 --version 1\n  "
      "amas model export spam ./models --to triton");
  copy->callback([&session, &action, options] {
    action = [&session, options] { return export_model(session, *options); };
  });
}

}  // namespace amas::cli
