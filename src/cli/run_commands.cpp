#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "base/install.h"
#include "cli/curves_text.h"
#include "cli/http_client.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/server_verdict.h"
#include "cli/session.h"
#include "cli/usage.h"
#include "data/import.h"
#include "pipeline/run.h"
#include "train/leaderboard.h"

namespace amas::cli {
namespace {

struct RunOptions {
  std::string spec;
  std::size_t jobs = 0;
  bool serve = false;
  int port = 8080;
};

Json result_json(const pipeline::RunResult& result) {
  Json document{{"event", "done"},
                {"run", result.run},
                {"dataset", result.dataset},
                {"tensorboard", result.tensorboard}};
  document["leaderboard"] = train::leaderboard_json(result.leaderboard);
  if (!result.deployment.name.empty())
    document["deployment"] = {{"name", result.deployment.name},
                              {"model", result.deployment.model},
                              {"version", result.deployment.targets.at(0).version},
                              {"variant", result.deployment.targets.at(0).variant}};
  return document;
}

std::string home_option(const Session& session) {
  return session.home == default_home() ? "" : fmt::format(" --home {}", session.home.string());
}

// Whether a running server has taken up the deployment.
Status check_followed(const RunningServer& server, const store::Deployment& deployment) {
  AMAS_TRY(const Verdict verdict, wait_for_verdict(server, deployment));
  return verdict == Verdict::kDone ? Status() : not_followed_yet(server, verdict);
}

Status print_deployment(const Session& session, const store::Deployment& deployment) {
  const std::string amas = "amas" + home_option(session);
  print_text(wrap_lines(fmt::format("\nDeployed {} version {} ({}).\n", coloured(deployment.name, "1"),
                                    deployment.targets.at(0).version, deployment.targets.at(0).variant),
                        2));
  const auto server = find_server(session.home);
  if (!server) print_text(fmt::format("Serve it:  {} serve\n", amas));
  print_text(fmt::format(
      "Ask it:    {} predict {} \"some text\"\n"
      "           curl -s localhost:{}/v1/models/{}:predict -d '{{\"instances\":[\"some text\"]}}'\n"
      "Origin:    {} model show {} --lineage\n",
      amas, deployment.name, server ? server->port : 8080, deployment.name, amas, deployment.model));
  if (!server) return {};
  AMAS_CHECK(check_followed(*server, deployment));
  print_text(fmt::format("The server on port {} answers with it now.\n", server->port));
  return {};
}

Status print_result(const Session& session, const pipeline::RunResult& result) {
  if (session.json) {
    Session::print(result_json(result));
    const auto server = result.deployment.name.empty() ? std::nullopt : find_server(session.home);
    if (server) AMAS_CHECK(check_followed(*server, result.deployment));
    return {};
  }
  // Where training is the end of it, the curves are what came of it; models have theirs in `amas model show`.
  for (const pipeline::TrainingEvents& training : result.trainings)
    if (const std::string curves = curves_text(training.candidate, training.folder);
        result.leaderboard.empty() && !curves.empty())
      print_text("\n" + curves);
  if (!result.leaderboard.empty())
    print_text("\n" + format_table(train::leaderboard_table(result.leaderboard, result.metric)));
  if (!result.tensorboard.empty())
    print_text(fmt::format("\nTensorBoard: tensorboard --logdir {}\n", result.tensorboard));
  return result.deployment.name.empty() ? Status() : print_deployment(session, result.deployment);
}

// Becomes `amas serve`: the memory that training took is given back, and the server is a process of its own
// kind.
Status become_server(const Session& session, int port) {
  std::error_code code;
  const std::string program = std::filesystem::read_symlink("/proc/self/exe", code).string();
  const std::string home = session.home.string(), port_text = std::to_string(port);
  ::execl(program.c_str(), "amas", "--home", home.c_str(), "serve", "--port", port_text.c_str(), nullptr);
  return unavailable(fmt::format("cannot start the server: {}", std::strerror(errno)));
}

Status run(Session& session, const RunOptions& options, pipeline::Until until) {
  AMAS_TRY(const pipeline::Spec spec, pipeline::read_spec(options.spec));
  AMAS_CHECK(data::check_source(spec.source));
  // From here on there is something to make a home for.
  AMAS_TRY(store::Store * store, session.store());
  AMAS_TRY(engine::EngineSet * engine, session.engine());
  AMAS_TRY(table::TableReader * reader, session.reader());
  AMAS_TRY(const auto worker, find_installed(kWorkerProgram));
  say_when_interrupted("interrupted; what is done is kept: run it again to go on");
  {
    const auto progress = make_progress(session.json);
    for (const std::string& warning : spec.warnings) progress->warned(warning);
    AMAS_TRY(const pipeline::RunResult result,
             pipeline::run_spec(spec, {*store, *engine, *reader, worker, *progress, until, options.jobs}));
    AMAS_CHECK(print_result(session, result));
  }
  return options.serve ? become_server(session, options.port) : Status{};
}

CLI::App* add_spec_command(CLI::App& app, Session& session, Action& action, const std::string& name,
                           const std::string& about, pipeline::Until until) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand(name, about);
  command->add_option("spec", options->spec, "The spec file (docs/spec.md)")
      ->required()
      ->type_name("SPEC.yaml");
  if (until != pipeline::Until::kData)
    command->add_option("--jobs", options->jobs, "Candidates trained side by side [one a processor]")
        ->check(whole_number(1, 1'024))
        ->type_name("COUNT");
  if (until == pipeline::Until::kDeploy) {
    CLI::Option* serve = command->add_flag("--serve", options->serve, "Serve when done, until interrupted");
    command->add_option("--port", options->port, "Port for --serve [8080]")
        ->check(whole_number(0, 65535))
        ->type_name("PORT")
        ->needs(serve);
  }
  command->callback([&session, &action, options, until] {
    action = [&session, options, until] { return run(session, *options, until); };
  });
  return command;
}

}  // namespace

void add_run_commands(CLI::App& app, Session& session, Action& action) {
  add_spec_command(app, session, action, "run",
                   "Data to a deployed model: import, clean, split, train, optimise, package, deploy",
                   pipeline::Until::kDeploy)
      ->footer(
          "Examples:\n  amas run examples/spam.yaml\n  amas run examples/spam.yaml --serve --port 8080\n"
          "  amas run examples/spam.yaml --json | jq .\n\nRun again, steps whose inputs have not changed are "
          "skipped; killed, it goes on.");
  CLI::App* data = app.add_subcommand("data", "Import, list and show datasets")->require_subcommand(1);
  data->footer(
      "Examples:\n  amas data import examples/spam.yaml\n  amas data look mails.csv\n  amas data show "
      "spam");
  add_spec_command(*data, session, action, "import", "Import, clean and split the data of a spec",
                   pipeline::Until::kData)
      ->footer("Example:\n  amas data import examples/spam.yaml");
  add_data_commands(*data, session, action);
  add_spec_command(app, session, action, "train", "Train the candidates of a spec", pipeline::Until::kTrain)
      ->footer("Example:\n  amas train examples/spam.yaml");
  add_spec_command(app, session, action, "optimise", "Train, then prune and quantise under the spec's limits",
                   pipeline::Until::kOptimise)
      ->footer("Example:\n  amas optimise examples/spam.yaml");
}

}  // namespace amas::cli
