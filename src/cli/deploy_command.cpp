#include <fmt/format.h>

#include <algorithm>

#include "cli/http_client.h"
#include "cli/registered.h"
#include "cli/server_verdict.h"
#include "cli/session.h"
#include "cli/usage.h"
#include "pipeline/kept_package.h"
#include "pipeline/spec.h"

namespace amas::cli {
namespace {

struct DeployOptions {
  std::string model;
  std::string as;
  std::string variant;
  std::string engine;
  std::optional<std::int64_t> version;
  bool list = false;
  bool remove = false;
};

// What a running server says of a deployment's version; "" when it says nothing.
std::string state_of(const std::vector<Json>& told, const std::string& name, std::int64_t version) {
  for (const Json& deployment : told)
    if (deployment.value("name", "") == name)
      for (const Json& wanted : deployment.value("wanted", Json::array()))
        if (wanted.value("version", std::int64_t{0}) == version) {
          const std::string state = wanted.value("state", "");
          return state == "available" ? "ready" : state;
        }
  return "";
}

Status list_deployments(Session& session) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto deployments, store->deployments());
  std::vector<Json> told;
  bool is_silent = false;
  if (const auto server = find_server(session.home)) {
    auto answer = deployments_of(*server);
    is_silent = !answer;
    if (answer) told = std::move(*answer);
    else
      print_error_text(fmt::format("note: {}; this is what the home has recorded\n", answer.error().message));
  }
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{
      {"DEPLOYMENT", "MODEL", "VERSION", "VARIANT", "GENERATION", "SERVER"}};
  for (const auto& deployment : deployments)
    for (const auto& target : deployment.targets) {
      const std::string state = is_silent ? "silent" : state_of(told, deployment.name, target.version);
      rows.push_back({deployment.name, deployment.model, std::to_string(target.version), target.variant,
                      std::to_string(deployment.generation), state.empty() ? "-" : state});
      documents.push_back({{"name", deployment.name},
                           {"model", deployment.model},
                           {"version", target.version},
                           {"variant", target.variant},
                           {"generation", deployment.generation},
                           {"server", state.empty() ? Json() : Json(state)}});
    }
  if (session.json) Session::print(documents);
  else print_text(rows.size() == 1 ? "Nothing is deployed yet.\n" : format_table(rows));
  return {};
}

Status remove_deployment(Session& session, const std::string& name) {
  AMAS_TRY(store::Store * store, session.store_to_change());
  AMAS_TRY(const store::Deployment deployment, find_deployment(*store, name));
  AMAS_CHECK(store->remove_deployment(deployment.name));
  const auto server = find_server(session.home);
  const auto verdict = server ? wait_for_removal(*server, deployment) : Result<Verdict>(Verdict::kDone);
  if (!verdict) return verdict.error();
  if (session.json)
    Session::print({{"name", name},
                    {"removed", true},
                    {"server", server ? Json(verdict_name(*verdict, "gone")) : Json()}});
  else
    print_text(
        fmt::format("{} is deployed no more{}; its model stays: `amas model list`\n", name,
                    server && *verdict == Verdict::kDone
                        ? fmt::format(", and the server on port {} answers for it no more", server->port)
                        : ""));
  if (*verdict != Verdict::kDone) return not_followed_yet(*server, *verdict);
  return {};
}

// The quickest variant that the engine runs.
Result<std::string> choose_by_engine(const model::Manifest& manifest,
                                     const std::vector<store::Measurement>& measured,
                                     const std::string& asked) {
  model::Manifest of_engine = manifest;
  std::erase_if(of_engine.variants,
                [&](const model::Variant& one) { return pipeline::engine_of(one) != asked; });
  if (!of_engine.variants.empty()) return pipeline::best_variant(of_engine, measured);
  std::vector<std::string> known;
  for (const model::Variant& one : manifest.variants)
    if (std::ranges::find(known, pipeline::engine_of(one)) == known.end())
      known.push_back(pipeline::engine_of(one));
  return unknown_name("engine of " + manifest.name, asked, known);
}

// The variant that the user names, or the one that a run would deploy.
Result<std::string> choose_variant(const store::Store& store, const store::ModelVersion& version,
                                   const model::Package& package, const DeployOptions& options) {
  const std::string& asked = options.variant;
  if (asked.empty()) {
    AMAS_TRY(const auto measured, store.measurements(version.digest));
    if (!options.engine.empty()) return choose_by_engine(package.manifest(), measured, options.engine);
    return pipeline::best_variant(package.manifest(), measured);
  }
  if (package.manifest().find_variant(asked) != nullptr) return asked;
  std::vector<std::string> known;
  for (const auto& one : package.manifest().variants) known.push_back(one.name);
  return unknown_name(fmt::format("variant of {} version {}", version.model, version.version), asked, known);
}

// What the user may not expect of a variant, a line each.
std::string remarks_on(Session& session, const model::Variant& variant) {
  std::string remarks;
  if (!variant.allowed)
    remarks +=
        fmt::format("! {} loses more accuracy than the spec's accuracy_drop_max allows\n", variant.name);
  const auto engine = session.engine();
  const std::string other = engine ? pipeline::other_precision(variant, **engine) : "";
  if (!other.empty())
    remarks += fmt::format("! {} runs as {} here: this processor lacks what its own precision needs\n",
                           variant.name, other);
  return remarks;
}

// Says what is deployed, and what the server makes of it.
Status report(Session& session, const store::Deployment& deployment, const model::Variant& variant) {
  const store::DeploymentTarget& target = deployment.targets.at(0);
  const auto server = find_server(session.home);
  const auto verdict = server ? wait_for_verdict(*server, deployment) : Result<Verdict>(Verdict::kDone);
  if (session.json) {
    Session::print({{"name", deployment.name},
                    {"model", deployment.model},
                    {"version", target.version},
                    {"variant", target.variant},
                    {"generation", deployment.generation},
                    {"server", !server    ? Json()
                               : !verdict ? Json("failed")
                                          : Json(verdict_name(*verdict, "ready"))}});
  } else {
    std::string state = "; start a server with `amas serve`";
    if (server)
      state = verdict && *verdict == Verdict::kDone
                  ? fmt::format("; the server on port {} answers with it now", server->port)
                  : "";
    print_text(fmt::format("{} is deployed: {} version {} ({}){}\n", deployment.name, deployment.model,
                           target.version, target.variant, state));
    print_text(remarks_on(session, variant));
  }
  if (!verdict) return verdict.error();
  if (*verdict != Verdict::kDone) return not_followed_yet(*server, *verdict);
  return {};
}

Status deploy(Session& session, const DeployOptions& options) {
  if (options.list) return list_deployments(session);
  if (options.model.empty())
    return invalid_argument("name the model to deploy, or use --list; see `amas deploy --help`");
  if (options.remove) return remove_deployment(session, options.model);
  AMAS_TRY(store::Store * store, session.store_to_change());
  AMAS_TRY(const store::ModelVersion version, find_version(*store, options.model, options.version));
  AMAS_TRY(const model::Package package, pipeline::open_whole_package(*store, version.digest));
  // From here on every file of the package is what it was when it was made.
  store::Deployment deployment;
  deployment.name = options.as.empty() ? options.model : options.as;
  AMAS_CHECK(pipeline::check_name(deployment.name));
  AMAS_TRY(const std::string variant, choose_variant(*store, version, package, options));
  deployment.model = options.model;
  deployment.targets = {{version.version, variant}};
  AMAS_TRY(const store::Deployment stored, store->put_deployment(std::move(deployment)));
  return report(session, stored, *package.manifest().find_variant(variant));
}

// An empty word is most often a shell variable that was never set; taken as not given, it would deploy
// something else.
std::string not_empty(const std::string& word) {
  return word.empty() ? "it is empty; name one, or leave the option out" : "";
}

}  // namespace

void add_deploy_command(CLI::App& app, Session& session, Action& action) {
  auto options = std::make_shared<DeployOptions>();
  CLI::App* command = app.add_subcommand(
      "deploy", "Serve a version of a model under a name; a running server follows at once");
  command->add_option("model", options->model, "The model (with --remove: the deployment)")
      ->type_name("NAME");
  add_version_option(*command, options->version);
  command
      ->add_option("--variant", options->variant,
                   "As `amas model show` lists them [the best, as a run would choose]")
      ->type_name("VARIANT")
      ->check(not_empty);
  command
      ->add_option("--engine", options->engine,
                   "The best variant on this engine: onnxruntime, sequence, linear …")
      ->type_name("ENGINE")
      ->check(not_empty)
      ->excludes("--variant");
  command->add_option("--as", options->as, "Name to serve it under [the model's]")
      ->type_name("NAME")
      ->check(not_empty);
  const auto list = command->add_flag("--list", options->list, "List deployments");
  command->add_flag("--remove", options->remove, "Stop serving it")->excludes(list);
  command->footer(
      "Examples:\n  amas deploy spam --version 1 --variant int8\n  amas deploy spam --engine onnxruntime\n  "
      "amas deploy spam --version 2 --as "
      "spam-next\n  amas deploy --list\n\nThe package is checked first. Where a server runs, the command "
      "waits "
      "up to ten seconds\nfor it to follow. It fails when the server cannot load the model, and ends with "
      "status 75 when\n"
      "the change is recorded but the server does not answer or has not followed yet.");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return deploy(session, *options); }; });
}

}  // namespace amas::cli
