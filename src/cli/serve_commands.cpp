#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/text.h"
#include "cli/http_client.h"
#include "cli/session.h"
#include "model/package.h"
#include "serve/version.h"
#include "server/server.h"

namespace amas::cli {
namespace {

struct PredictOptions {
  std::string deployment;
  std::vector<std::string> texts;
};

// One answer: the label and the score of each label.
struct Prediction {
  std::string label;
  std::vector<double> scores;
};

// Asks the server of the home, in TensorFlow Serving's form.
Result<std::vector<Prediction>> ask_server(const RunningServer& server, const PredictOptions& options) {
  const Json question{{"instances", options.texts}};
  AMAS_TRY(const std::string body,
           call(server, "POST", "/v1/models/" + options.deployment + ":predict", dump_json(question)));
  AMAS_TRY(const Json answer, parse_json(body));
  AMAS_TRY(const std::vector<Json> rows, json_array<Json>(answer, "predictions"));
  std::vector<Prediction> predictions;
  for (const Json& row : rows) {
    AMAS_TRY(std::string label, json_field<std::string>(row, "label"));
    AMAS_TRY(std::vector<double> scores, json_array<double>(row, "scores"));
    predictions.push_back({std::move(label), std::move(scores)});
  }
  return predictions;
}

Result<store::Deployment> find_deployment(store::Store& store, const std::string& name) {
  AMAS_TRY(const auto deployments, store.deployments());
  std::string known;
  for (const store::Deployment& deployment : deployments) {
    if (deployment.name == name) return deployment;
    known += (known.empty() ? "" : ", ") + deployment.name;
  }
  return not_found(fmt::format("no such deployment: {}; there {}", name,
                               known.empty() ? "is none yet; make one with `amas run`" : "are: " + known));
}

// Loads the deployed package into this process and asks it.
Result<std::vector<Prediction>> ask_package(Session& session, const PredictOptions& options) {
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(const store::Deployment deployment, find_deployment(*store, options.deployment));
  AMAS_TRY(const auto versions, store->models(deployment.model));
  const store::DeploymentTarget& target = deployment.targets.at(0);
  for (const store::ModelVersion& version : versions) {
    if (version.version != target.version) continue;
    AMAS_TRY(const auto folder, store->package_folder(version.digest));
    AMAS_TRY(const model::Package package, model::Package::open(folder));
    AMAS_TRY(engine::Engine * engine, session.engine());
    AMAS_TRY(const auto servable, serve::ServableVersion::load(package, target.variant, *engine));
    const Tensor texts = Tensor::of_strings({static_cast<std::int64_t>(options.texts.size())}, options.texts);
    const std::vector<TensorView> columns{texts};
    AMAS_TRY(const Tensor scores, servable->score(columns));
    const std::vector<std::string> labels = servable->best_labels(scores);
    const std::size_t classes = scores.size() / labels.size();
    std::vector<Prediction> predictions;
    for (std::size_t row = 0; row < labels.size(); ++row) {
      const auto values = scores.data<float>().subspan(row * classes, classes);
      predictions.push_back({labels[row], {values.begin(), values.end()}});
    }
    return predictions;
  }
  return data_loss(fmt::format("the deployed version {} of {} is not in the store; deploy another one",
                               target.version, deployment.model));
}

Status predict(Session& session, PredictOptions options) {
  if (options.texts.empty())
    options.texts.emplace_back(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  const auto server = find_server(session.home);
  AMAS_TRY(const auto predictions, server ? ask_server(*server, options) : ask_package(session, options));
  for (const Prediction& prediction : predictions) {
    if (session.json) {
      Session::print({{"label", prediction.label}, {"scores", prediction.scores}});
      continue;
    }
    double best = 0;
    for (const double score : prediction.scores) best = std::max(best, score);
    std::fputs(fmt::format("{}  {:.4f}\n", coloured(printable(prediction.label), "1"), best).c_str(), stdout);
  }
  return {};
}

struct ServeOptions {
  int port = 8080;
  int threads = 0;
  std::string level = "info";
};

Status serve(Session& session, const ServeOptions& options) {
  server::ServerOptions server;
  server.home = session.home;
  server.port = static_cast<std::uint16_t>(options.port);
  server.compute_threads = static_cast<std::size_t>(options.threads);
  server.log_level = options.level == "debug"  ? log::Level::kDebug
                     : options.level == "warn" ? log::Level::kWarn
                                               : log::Level::kInfo;
  server.on_ready = [&](std::uint16_t port) {
    if (session.json) return Session::print({{"event", "ready"}, {"port", port}});
    std::fputs(fmt::format("Serving {} on http://127.0.0.1:{} (metrics at /metrics, models at /v1/models); "
                           "Ctrl-C drains and ends.\n",
                           session.home.string(), port)
                   .c_str(),
               stdout);
    std::fflush(stdout);
  };
  return server::run_server(server);
}

}  // namespace

void add_serve_commands(CLI::App& app, Session& session, Action& action) {
  auto serve_options = std::make_shared<ServeOptions>();
  CLI::App* serve_command = app.add_subcommand("serve", "Serve all deployments over HTTP, until interrupted");
  serve_command->add_option("--port", serve_options->port, "Port on 127.0.0.1, 0 for any free one [8080]")
      ->check(CLI::Range(0, 65535));
  serve_command->add_option("--threads", serve_options->threads, "Compute threads [one a processor]")
      ->check(CLI::Range(0, 1024));
  serve_command->add_option("--log-level", serve_options->level, "debug, info or warn [info]")
      ->check(CLI::IsMember({"debug", "info", "warn"}));
  serve_command->footer(
      "\nExamples:\n  amas serve\n  amas serve --port 9000 --threads 2\n"
      "  curl -s localhost:8080/v1/models/spam:predict -d '{\"instances\":[\"You have won\"]}'");
  serve_command->callback([&session, &action, serve_options] {
    action = [&session, serve_options] { return serve(session, *serve_options); };
  });
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "Ask a deployed model, with or without a server running");
  command->add_option("model", options->deployment, "Name of the deployment")->required();
  command->add_option("text", options->texts, "Texts [standard input, as one text]");
  command->footer(
      "\nExamples:\n  amas predict spam \"You have won a prize\"\n  amas predict spam < mail.txt\n  amas "
      "--json predict spam \"Hello\" \"Buy now\"");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return predict(session, *options); }; });
}

}  // namespace amas::cli
