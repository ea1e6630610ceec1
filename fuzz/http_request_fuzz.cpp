// HTTP requests as bytes from anybody: the end of the head, the head, a chunked body in pieces, a compressed
// body.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/http/inflate.h"
#include "api/http/request_parser.h"
#include "telemetry/trace.h"

namespace {

constexpr std::size_t kBodyBytesMax = 100'000;

void parse(std::string_view input) {
  using namespace amas::http;
  std::size_t searched = 0;
  const std::size_t end = find_head_end(input, searched);
  if (end == std::string_view::npos) return;
  RequestParser::Fields fields;
  RequestParser parser(fields);
  const std::string_view head = input.substr(0, end);
  if (const auto error = parser.parse_head(head, kBodyBytesMax)) {
    if (refusal_of(error, head).first < 400) std::abort();
    return;
  }
  (void)amas::telemetry::parse_traceparent(parser.field("traceparent"));
  if (!parser.chunked()) return;
  RequestParser::Buffer body;
  std::string_view rest = input.substr(end);
  // As from a socket: some bytes more each time, and what was not used is given again.
  std::size_t given = 0;
  while (!parser.is_done() && given < rest.size()) {
    given = std::min(rest.size(), given + 7);
    RequestParser::ErrorCode error;
    const std::size_t used = parser.parse_chunks(rest.substr(0, given), body, error);
    if (error) return;
    if (used > given || body.size() > kBodyBytesMax) std::abort();
    rest.remove_prefix(used);
    given -= used;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  parse(input);
  if (const auto body = amas::http::inflate_body(input, kBodyBytesMax); body && body->size() > kBodyBytesMax)
    std::abort();
  return 0;
}
