#include <fmt/format.h>

#include "api/http/server.h"
#include "base/json.h"
#include "base/text.h"

namespace amas::http {
namespace {

constexpr std::size_t kPathBytesShown = 200;

}  // namespace

Response error_response(int status, std::string_view message) {
  Response response;
  response.status = status;
  response.body = dump_json(Json{{"error", message}});
  return response;
}

Response method_not_allowed(std::string_view allowed) {
  Response response = error_response(405, fmt::format("method is not known here; use {}", allowed));
  response.headers.emplace_back("Allow", allowed);
  return response;
}

void Router::handle(const Request& request, Reply reply) const {
  for (const Route& route : routes_)
    if (route(request, reply)) return;
  reply(error_response(404, fmt::format("nothing answers here: {} {}; GET /v1/models lists what is served",
                                        request.method, cut_utf8(request.path, kPathBytesShown))));
}

}  // namespace amas::http
