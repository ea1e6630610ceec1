// A server that answers every request with the same few bytes: what HTTP alone costs, for comparison with
// `amas serve`. Prints its port, ends when its input does. "io" answers on the I/O thread, "handoff" through
// one other thread.

#include <cstdio>
#include <string_view>

#include "api/http/server.h"
#include "base/threads.h"

int main(int count, char** arguments) {
  const bool handoff = count > 1 && std::string_view(arguments[1]) == "handoff";
  amas::ThreadPool pool("compute", 1, 10'000);
  amas::telemetry::MetricRegistry metrics;
  const auto answer = [](const amas::http::Reply& reply) {
    reply({200, "application/json", "{\"ok\":true}", {}});
  };
  auto server = amas::http::Server::start(
      {},
      [&](const amas::http::Request&, amas::http::Reply reply) {
        if (!handoff) return answer(reply);
        if (!pool.try_run([&answer, reply] { answer(reply); }))
          reply(amas::http::error_response(503, "busy"));
      },
      metrics);
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 1;
  std::printf("%u\n", static_cast<unsigned>((*server)->port()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
