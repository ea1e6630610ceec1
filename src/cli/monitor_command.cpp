#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>

#include "base/text.h"
#include "cli/http_client.h"
#include "cli/session.h"
#include "cli/usage.h"

namespace amas::cli {
namespace {

constexpr int kBarCells = 10, kBarCellsWide = 20;
constexpr std::size_t kRoomy = 60,
                      kWide = 100;   // columns of a terminal with room for a bar, and for a long one
constexpr std::size_t kIndent = 11;  // where the text of a line begins

struct MonitorOptions {
  bool once = false;
  double interval_s = 1;
};

double number_in(const Json& from, const char* key) {
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

// Cells of a bar, as many as the terminal has room for.
int bar_cells() {
  const std::size_t columns = terminal_size().columns;
  return columns == 0 || columns >= kWide ? kBarCellsWide : columns >= kRoomy ? kBarCells : 0;
}

// The effect on a bar from 0 to twice the alarm level, so that the alarm stands in the middle.
std::string effect_bar(const Json& finding) {
  const double alarm = number_in(finding, "drifted_at");
  const double share = alarm > 0 ? std::min(1.0, number_in(finding, "effect") / (2 * alarm)) : 0;
  const int cells = bar_cells();
  std::string bar;
  for (int i = 0; i < cells; ++i)
    bar += i < static_cast<int>(share * cells) ? "━" : i == cells / 2 ? "┊" : "─";
  return coloured(bar, colour_of(text(finding, "state")));
}

// How much of what the first verdict needs has come.
std::string learning_bar(double seen, double needed) {
  const double share = seen / std::max(1.0, needed);
  const int cells = bar_cells();
  std::string bar;
  for (int i = 0; i < cells; ++i) bar += i < static_cast<int>(share * cells) ? "━" : "─";
  return coloured(bar, "2");
}

std::string drift_text(const Json& finding) {
  if (text(finding, "state") == "learning")
    return fmt::format("  drift    {:<14} {} learning: {:.0f} of {:.0f} rows seen\n",
                       text(finding, "statistic"),
                       learning_bar(number_in(finding, "rows"), number_in(finding, "rows_min")),
                       number_in(finding, "rows"), number_in(finding, "rows_min"));
  return fmt::format(
      "  drift    {:<14} {} {} effect {:.3f} (drifted from {:.2f}; {:.0f} rows)\n",
      text(finding, "statistic"), effect_bar(finding),
      coloured(fmt::format("{:<9}", text(finding, "state")), colour_of(text(finding, "state"))),
      number_in(finding, "effect"), number_in(finding, "drifted_at"), number_in(finding, "rows"));
}

// A value of a series, with its unit.
std::string value_text(const Json& finding, const char* key) {
  const double value = number_in(finding, key);
  if (text(finding, "series") == "latency") return fmt::format("{:.0f} µs", value);
  if (text(finding, "series") == "error_rate") return fmt::format("{:.1f} %", 100 * value);
  return fmt::format("{:.1f} requests/s", value / std::max(1e-6, number_in(finding, "point_seconds")));
}

std::string anomaly_text(const Json& finding) {
  const double points = number_in(finding, "points"), needed = number_in(finding, "points_min");
  const double seconds = number_in(finding, "point_seconds"), requests = number_in(finding, "point_requests");
  const std::string head = fmt::format("  anomaly  {:<14} ", text(finding, "series"));
  if (text(finding, "state") == "learning")
    return head + fmt::format("{} learning: {:.0f} of {:.0f} points seen, each of {:g} s{}\n",
                              learning_bar(points, needed), points, needed, seconds,
                              requests > 0 ? fmt::format(" or more, with {:.0f} requests", requests) : "");
  const bool active = text(finding, "state") == "unusual";
  return head + fmt::format("{} now {}, usual {}, score {:.2f}\n",
                            coloured(active ? "UNUSUAL  " : "usual    ", active ? "31;1" : "32"),
                            value_text(finding, "value"), value_text(finding, "baseline"),
                            number_in(finding, "score"));
}

std::string report_text(const Json& report) {
  std::string page = fmt::format(
      "{} version {:.0f}   {:.0f} requests, {:.0f} errors, {:.0f} rows   p50 {:.0f} µs, p99 {:.0f} µs\n",
      coloured(text(report, "deployment"), "1"), number_in(report, "version"), number_in(report, "requests"),
      number_in(report, "errors"), number_in(report, "rows"), number_in(report, "latency_p50_us"),
      number_in(report, "latency_p99_us"));
  for (const Json& finding : report.value("drift", Json::array())) page += drift_text(finding);
  for (const Json& finding : report.value("anomalies", Json::array())) page += anomaly_text(finding);
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

// One look on a terminal: home and clear-to-end in place of clearing first, so that nothing flickers; lines
// that are too long or too many are cut, since a screen that scrolls has no home.
std::string screen_text(const std::string& page) {
  const TerminalSize size = terminal_size();
  std::string screen = "\033[H";
  std::size_t row = 0;
  for (const std::string_view line : split_at(page, '\n')) {
    if (++row > size.rows) break;
    screen += (row > 1 ? "\n" : "") + cut_to_width(line, size.columns) + "\033[K";
  }
  return screen + "\033[J";
}

// What the server says now. It is looked for each time: another may have taken its place.
Result<Json> ask(const Session& session, std::uint16_t& port) {
  const auto server = find_server(session.home);
  if (!server)
    return unavailable(
        fmt::format(fmt::runtime(port == 0 ? "no server runs on {}; start one with `amas serve`"
                                           : "the server of {} has ended"),
                    session.home.string()));
  port = server->port;
  AMAS_TRY(const std::string body, call(*server, {.path = "/api/v1/monitor"}));
  AMAS_TRY(Json document, parse_json(body));
  AMAS_CHECK(json_array<Json>(document, "reports"));
  return document;
}

volatile sig_atomic_t interrupted = 0;

Status monitor(Session& session, const MonitorOptions& options) {
  AMAS_CHECK(session.check_home());
  const bool live = !options.once && !session.json && is_terminal();
  std::uint16_t port = 0;
  ::signal(SIGINT, [](int) { interrupted = 1; });
  while (interrupted == 0) {
    AMAS_TRY(const Json document, ask(session, port));
    const std::string page = session.json ? "" : page_text(document, port);
    if (session.json) Session::print(document);
    else print_text(live ? screen_text(page) : wrap_lines(page, kIndent));
    if (options.once) break;
    const auto nanoseconds = static_cast<long>(options.interval_s * 1e9);
    const timespec pause{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    ::nanosleep(&pause, nullptr);
  }
  if (live) print_text("\n");
  return {};
}

}  // namespace

void add_monitor_command(CLI::App& app, Session& session, Action& action) {
  auto options = std::make_shared<MonitorOptions>();
  CLI::App* command =
      app.add_subcommand("monitor", "Show traffic, latency, drift and anomalies of a running server, live");
  command->add_flag("--once", options->once, "Show it once and end");
  command->add_option("--interval", options->interval_s, "Time between two looks [1]")
      ->check(number(0.1, 3600))
      ->type_name("SECONDS");
  command->footer(
      "Examples:\n  amas monitor\n  amas monitor --once\n  amas --json monitor --once | jq "
      "'.reports[].drift'");
  command->callback(
      [&session, &action, options] { action = [&session, options] { return monitor(session, *options); }; });
}

}  // namespace amas::cli
