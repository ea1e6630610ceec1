#include "api/tfs/target.h"

#include <fmt/format.h>

#include <array>

#include "api/json/target.h"

namespace amas::tfs {
namespace {

constexpr std::string_view kRoot = "/v1/models";

struct VerbName {
  std::string_view name;
  Verb verb;
};
constexpr std::array<VerbName, 3> kVerbs{
    {{":predict", Verb::kPredict}, {":classify", Verb::kClassify}, {":regress", Verb::kRegress}}};

// What stands before the next slash or colon; it is taken off the path.
std::string_view take_segment(std::string_view& path) {
  const std::string_view segment = path.substr(0, path.find_first_of("/:"));
  path.remove_prefix(segment.size());
  return segment;
}

Error malformed(std::string_view method, std::string_view path) {
  return invalid_argument(fmt::format("Malformed request: {} {}", method, path));
}

}  // namespace

bool is_target(std::string_view path) {
  return json::take_prefix(path, kRoot) && (path.empty() || path.front() == '/');
}

Result<Target> parse_target(std::string_view method, std::string_view path) {
  std::string_view rest = path;
  json::take_prefix(rest, kRoot);
  Target target;
  if (rest.empty() && method == "GET") return target;
  if (!json::take_prefix(rest, "/")) return malformed(method, path);
  target.model = json::percent_decode(take_segment(rest));
  if (target.model.empty()) return malformed(method, path);
  if (json::take_prefix(rest, "/versions/")) {
    const std::string_view version = take_segment(rest);
    target.version.number = json::parse_version(version);
    if (!target.version.number)
      return invalid_argument(malformed(method, path).message +
                              fmt::format("; a version is a whole number from 1 up, not '{}'", version));
  } else if (json::take_prefix(rest, "/labels/")) {
    target.version.label = json::percent_decode(take_segment(rest));
    if (target.version.label.empty()) return malformed(method, path);
  }
  if (method == "GET") {
    if (json::take_prefix(rest, "/metadata")) target.verb = Verb::kMetadata;
    if (!rest.empty()) return malformed(method, path);
    return target;
  }
  for (const VerbName& known : kVerbs)
    if (json::take_prefix(rest, known.name) && rest.empty()) {
      target.verb = known.verb;
      return target;
    }
  return malformed(method, path);
}

}  // namespace amas::tfs
