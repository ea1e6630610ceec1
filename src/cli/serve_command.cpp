#include <fmt/format.h>

#include "api/admin/admin.h"
#include "base/text.h"
#include "cli/server_verdict.h"
#include "cli/session.h"
#include "cli/usage.h"
#include "server/server.h"

namespace amas::cli {
namespace {

struct ServeOptions {
  int port = 8080;
  int grpc_port = -1;  ///< -1: the one behind `port`
  int threads = 0;
  std::string level = "info";
  std::string model_control = "none";
};

// What is served, what failed and why, or what to do when there is nothing.
void print_ready(const Session& session, const server::Ports& ports,
                 const std::vector<serve::DeploymentStatus>& deployments) {
  if (session.json)
    return Session::print({{"event", "ready"},
                           {"port", ports.http},
                           {"grpc_port", ports.grpc},
                           {"deployments", admin::deployments_document(deployments)["deployments"]}});
  std::string text = fmt::format(
      "Serving {} on http://127.0.0.1:{} (metrics at /metrics, models at /v1/models), gRPC on 127.0.0.1:{}; "
      "Ctrl-C drains and ends.\n",
      session.home.string(), ports.http, ports.grpc);
  for (const serve::DeploymentStatus& deployment : deployments)
    for (serve::VersionStatus version : deployment.wanted) {
      version.error.message = version.story;  // Who sees this may know all.
      text += fmt::format("  {:<16} {}\n", deployment.name,
                          printable(version_text(admin::version_document(version))));
    }
  if (deployments.empty())
    text +=
        "Nothing is deployed yet: `amas run SPEC.yaml` makes and deploys a model, `amas deploy MODEL` "
        "deploys one that is there (`amas model list`). This server takes it up at once.\n";
  print_text(text);
}

// The port behind HTTP's unless one was given; any free one beside any free one.
std::uint16_t grpc_port_of(const ServeOptions& options) {
  if (options.grpc_port >= 0) return static_cast<std::uint16_t>(options.grpc_port);
  return static_cast<std::uint16_t>(options.port == 0 || options.port == 65535 ? 0 : options.port + 1);
}

Status serve(Session& session, const ServeOptions& options) {
  server::ServerOptions server;
  server.home = session.home;
  server.port = static_cast<std::uint16_t>(options.port);
  server.grpc_port = grpc_port_of(options);
  server.model_control = options.model_control == "explicit";
  server.compute_threads = static_cast<std::size_t>(options.threads);
  server.log_level = options.level == "debug"  ? log::Level::kDebug
                     : options.level == "warn" ? log::Level::kWarn
                                               : log::Level::kInfo;
  server.on_ready = [&](const server::Ports& ports, const std::vector<serve::DeploymentStatus>& deployments) {
    print_ready(session, ports, deployments);
  };
  return server::run_server(server);
}

}  // namespace

void add_serve_command(CLI::App& app, Session& session, Action& action) {
  auto serve_options = std::make_shared<ServeOptions>();
  CLI::App* serve_command =
      app.add_subcommand("serve", "Serve all deployments over HTTP and gRPC, until interrupted");
  serve_command->add_option("--port", serve_options->port, "Port on 127.0.0.1, 0 for any free one [8080]")
      ->check(whole_number(0, 65535))
      ->type_name("PORT");
  serve_command
      ->add_option("--grpc-port", serve_options->grpc_port, "Port of gRPC, 0 for any free one [the next one]")
      ->check(whole_number(0, 65535))
      ->type_name("PORT");
  serve_command->add_option("--threads", serve_options->threads, "Compute threads [one a processor]")
      ->check(whole_number(0, 1024))
      ->type_name("COUNT");
  serve_command
      ->add_option("--model-control-mode", serve_options->model_control,
                   "explicit: clients may load and unload models [none]")
      ->check(one_of({"none", "explicit"}))
      ->type_name("MODE");
  serve_command->add_option("--log-level", serve_options->level, "debug, info or warn [info]")
      ->check(one_of({"debug", "info", "warn"}))
      ->type_name("LEVEL");
  serve_command->footer(
      "Examples:\n  amas serve\n  amas serve --port 9000 --threads 2\n"
      "  curl -s localhost:8080/v1/models/spam:predict -d '{\"instances\":[\"You have won\"]}'");
  serve_command->callback([&session, &action, serve_options] {
    action = [&session, serve_options] { return serve(session, *serve_options); };
  });
}

}  // namespace amas::cli
