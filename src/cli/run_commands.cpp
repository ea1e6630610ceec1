#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "base/install.h"
#include "base/threads.h"
#include "cli/http_client.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/server_verdict.h"
#include "cli/session.h"
#include "cli/usage.h"
#include "data/clean.h"
#include "data/dataset.h"
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
  return std::getenv("AMAS_HOME") == nullptr ? fmt::format(" --home {}", session.home.string()) : "";
}

// Says what a running server makes of the deployment.
Status print_verdict(const RunningServer& server, const store::Deployment& deployment) {
  AMAS_TRY(const Verdict verdict, wait_for_verdict(server, deployment));
  print_text(fmt::format("The server on port {} {}.\n", server.port,
                         verdict == Verdict::kServes
                             ? "answers with it now"
                             : "still loads it: `amas deploy --list` shows when it is ready"));
  return {};
}

Status print_deployment(const Session& session, const store::Deployment& deployment) {
  const std::string amas = "amas" + home_option(session);
  print_text(fmt::format("\nDeployed {} version {} ({}).\n", coloured(deployment.name, "1"),
                         deployment.targets.at(0).version, deployment.targets.at(0).variant));
  const auto server = find_server(session.home);
  if (!server) print_text(fmt::format("Serve it:  {} serve\n", amas));
  print_text(fmt::format(
      "Ask it:    {} predict {} \"some text\"\n"
      "           curl -s localhost:{}/v1/models/{}:predict -d '{{\"instances\":[\"some text\"]}}'\n"
      "Origin:    {} model show {} --lineage\n",
      amas, deployment.name, server ? server->port : 8080, deployment.name, amas, deployment.model));
  return server ? print_verdict(*server, deployment) : Status();
}

Status print_result(const Session& session, const pipeline::RunResult& result) {
  if (session.json) {
    Session::print(result_json(result));
    const auto server = result.deployment.name.empty() ? std::nullopt : find_server(session.home);
    if (server) AMAS_CHECK(wait_for_verdict(*server, result.deployment));
    return {};
  }
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

Status list_datasets(Session& session) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto datasets, store->datasets());
  Json documents = Json::array();
  std::vector<std::vector<std::string>> rows{{"DATASET", "VERSION", "ROWS", "DIGEST"}};
  for (const store::DatasetRecord& dataset : datasets) {
    documents.push_back({{"name", dataset.name},
                         {"version", dataset.version},
                         {"digest", dataset.digest},
                         {"detail", dataset.detail}});
    rows.push_back({dataset.name, std::to_string(dataset.version),
                    dump_json(dataset.detail.value("rows", Json())), dataset.digest.substr(0, 16)});
  }
  if (session.json) Session::print(documents);
  else
    print_text(rows.size() == 1 ? "No datasets yet; make one with `amas data import SPEC.yaml`.\n"
                                : format_table(rows));
  return {};
}

Status show_dataset(Session& session, const std::string& name) {
  AMAS_TRY(const store::Store* store, session.store_to_read());
  AMAS_TRY(const auto datasets, store->datasets());
  const store::DatasetRecord* found = nullptr;
  std::vector<std::string> known;
  for (const store::DatasetRecord& dataset : datasets) {
    known.push_back(dataset.name + "@" + std::to_string(dataset.version));
    if (dataset.name == name || known.back() == name) found = &dataset;
  }
  if (found == nullptr) return unknown_name("dataset", name, known);
  AMAS_TRY(const std::string profile,
           store->get_blob(found->detail.value("profile", Json("")).get<std::string>()));
  AMAS_TRY(const Json document, parse_json(profile));
  const Json whole{{"name", found->name},
                   {"version", found->version},
                   {"digest", found->digest},
                   {"detail", found->detail},
                   {"profile", document}};
  if (session.json) Session::print(whole);
  else print_text(dump_json(whole, 2) + "\n");
  return {};
}

// Reads a source and says what is in it, without keeping anything.
Status look_at_source(Session& session, const std::string& path, const std::string& format) {
  AMAS_TRY(table::TableReader * reader, session.reader());
  data::ImportReport report;
  AMAS_TRY(const table::Table table, data::import_source({path, format, {}}, *reader, processors(), report));
  const Json profile = data::profile_table(table);
  if (session.json) Session::print({{"rows", table.rows()}, {"files", report.files}, {"profile", profile}});
  else
    print_text(fmt::format("{} rows from {} files\n{}\n", table.rows(), report.files, dump_json(profile, 2)));
  return {};
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
  CLI::App* list = data->add_subcommand("list", "List datasets");
  list->footer("Examples:\n  amas data list\n  amas --json data list | jq '.[].digest'");
  list->callback([&] { action = [&session] { return list_datasets(session); }; });
  auto name = std::make_shared<std::string>(), format = std::make_shared<std::string>();
  CLI::App* show = data->add_subcommand("show", "Show a dataset: its columns, profile and parts");
  show->add_option("name", *name, "Its name, or name@version")->required()->type_name("NAME");
  show->footer("Examples:\n  amas data show spam\n  amas data show spam@1");
  show->callback(
      [&session, &action, name] { action = [&session, name] { return show_dataset(session, *name); }; });
  CLI::App* look =
      data->add_subcommand("look", "Read a source and show its columns and profile; keeps nothing");
  look->add_option("source", *name, "A file, folder or glob")->required()->type_name("PATH");
  look->add_option("--format", *format, "csv, jsonl, parquet or mail [by the file's ending]")
      ->type_name("FORMAT");
  look->footer(
      "Examples:\n  amas data look mails.csv\n  amas data look 'mails/*.jsonl'\n  amas data look maildir "
      "--format mail");
  look->callback([&session, &action, name, format] {
    action = [&session, name, format] { return look_at_source(session, *name, *format); };
  });
  add_spec_command(app, session, action, "train", "Train the candidates of a spec", pipeline::Until::kTrain)
      ->footer("Example:\n  amas train examples/spam.yaml");
  add_spec_command(app, session, action, "optimise", "Train, then prune and quantise under the spec's limits",
                   pipeline::Until::kOptimise)
      ->footer("Example:\n  amas optimise examples/spam.yaml");
}

}  // namespace amas::cli
