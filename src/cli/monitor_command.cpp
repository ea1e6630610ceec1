#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "cli/http_client.h"
#include "cli/session.h"

namespace amas::cli {
namespace {

constexpr int kBarCells = 20;

struct MonitorOptions {
  bool once = false;
  double interval_s = 1;
};

double number(const Json& from, const char* key) {
  const Json value = from.value(key, Json());
  return value.is_number() ? value.get<double>() : 0;
}

std::string text(const Json& from, const char* key) {
  const Json value = from.value(key, Json());
  return value.is_string() ? printable(value.get<std::string>()) : "";
}

const char* colour_of(const std::string& state) {
  if (state == "steady") return "32";
  if (state == "shifting") return "33";
  if (state == "drifted") return "31;1";
  return "2";
}

// The effect on a bar from 0 to twice the alarm level, so that the alarm stands in the middle.
std::string effect_bar(const Json& finding) {
  const double alarm = number(finding, "drifted_at");
  const double share = alarm > 0 ? std::min(1.0, number(finding, "effect") / (2 * alarm)) : 0;
  std::string bar;
  for (int i = 0; i < kBarCells; ++i)
    bar += i < static_cast<int>(share * kBarCells) ? "━" : i == kBarCells / 2 ? "┊" : "─";
  return coloured(bar, colour_of(text(finding, "state")));
}

// How many of the rows that the first verdict needs have come.
std::string learning_bar(const Json& finding) {
  const double share = number(finding, "rows") / std::max(1.0, number(finding, "rows_min"));
  std::string bar;
  for (int i = 0; i < kBarCells; ++i) bar += i < static_cast<int>(share * kBarCells) ? "━" : "─";
  return coloured(bar, "2");
}

std::string report_text(const Json& report) {
  std::string page = fmt::format(
      "{} version {:.0f}   {:.0f} requests, {:.0f} errors, {:.0f} rows   p50 {:.0f} µs, p99 {:.0f} µs\n",
      coloured(text(report, "deployment"), "1"), number(report, "version"), number(report, "requests"),
      number(report, "errors"), number(report, "rows"), number(report, "latency_p50_us"),
      number(report, "latency_p99_us"));
  for (const Json& finding : report.value("drift", Json::array())) {
    if (text(finding, "state") == "learning") {
      page += fmt::format("  drift    {:<14} {} learning: {:.0f} of {:.0f} rows seen\n",
                          text(finding, "statistic"), learning_bar(finding), number(finding, "rows"),
                          number(finding, "rows_min"));
      continue;
    }
    page +=
        fmt::format("  drift    {:<14} {} {} effect {:.3f} (drifted from {:.2f}; {:.0f} rows)\n",
                    text(finding, "statistic"), effect_bar(finding),
                    coloured(fmt::format("{:<9}", text(finding, "state")), colour_of(text(finding, "state"))),
                    number(finding, "effect"), number(finding, "drifted_at"), number(finding, "rows"));
  }
  for (const Json& finding : report.value("anomalies", Json::array())) {
    const bool active = finding.value("active", Json(false)) == true;
    page +=
        fmt::format("  anomaly  {:<14} {} now {:.4g}, usual {:.4g}, score {:.2f}\n", text(finding, "series"),
                    coloured(active ? "UNUSUAL  " : "usual    ", active ? "31;1" : "32"),
                    number(finding, "value"), number(finding, "baseline"), number(finding, "score"));
  }
  return page;
}

std::string page_text(const Json& document, std::uint16_t port) {
  const Json& reports = document["reports"];
  if (reports.empty())
    return fmt::format("The server on port {} serves nothing yet; deploy with `amas run` or `amas deploy`.\n",
                       port);
  std::string page;
  for (const Json& report : reports) page += report_text(report) + "\n";
  return page;
}

volatile sig_atomic_t interrupted = 0;

Status monitor(Session& session, const MonitorOptions& options) {
  const auto server = find_server(session.home);
  if (!server)
    return unavailable(
        fmt::format("no server runs on {}; start one with `amas serve`", session.home.string()));
  const bool live = !options.once && !session.json && is_terminal();
  ::signal(SIGINT, [](int) { interrupted = 1; });
  while (interrupted == 0) {
    AMAS_TRY(const std::string body, call(*server, "GET", "/api/v1/monitor"));
    AMAS_TRY(const Json document, parse_json(body));
    AMAS_CHECK(json_array<Json>(document, "reports"));
    if (session.json) Session::print(document);
    // Home and clear-to-end in place of clearing first: no flicker.
    else
      std::fputs(
          ((live ? "\033[H" : "") + page_text(document, server->port) + (live ? "\033[J" : "")).c_str(),
          stdout);
    std::fflush(stdout);
    if (options.once) break;
    const auto nanoseconds = static_cast<long>(options.interval_s * 1e9);
    const timespec pause{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return {};
}

}  // namespace

void add_monitor_command(CLI::App& app, Session& session, Action& action) {
  auto options = std::make_shared<MonitorOptions>();
  CLI::App* command =
      app.add_subcommand("monitor", "Show traffic, latency, drift and anomalies of a running server, live");
  command->add_flag("--once", options->once, "Show it once and end");
  command->add_option("--interval", options->interval_s, "Seconds between two looks [1]")
      ->check(CLI::Range(0.1, 3600.0));
  command->footer(
      "\nExamples:\n  amas monitor\n  amas monitor --once\n  amas --json monitor --once | jq "
      "'.reports[].drift'");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return monitor(session, *options); }; });
}

}  // namespace amas::cli
