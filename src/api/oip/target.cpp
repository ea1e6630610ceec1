#include "api/oip/target.h"

#include <array>

#include "api/json/target.h"
#include "api/oip/lookup.h"

namespace amas::oip {
namespace {

struct Fixed {
  std::string_view path;
  Verb verb;
};
constexpr std::array<Fixed, 6> kFixed{{{"", Verb::kServer},
                                       {"/health/live", Verb::kLive},
                                       {"/health/ready", Verb::kServerReady},
                                       {"/models", Verb::kModels},
                                       {"/models/stats", Verb::kAllStatistics},
                                       {"/repository/index", Verb::kIndex}}};
constexpr std::array<Fixed, 5> kOfModel{{{"", Verb::kModel},
                                         {"/ready", Verb::kModelReady},
                                         {"/config", Verb::kConfig},
                                         {"/stats", Verb::kStatistics},
                                         {"/infer", Verb::kInfer}}};

bool take(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

std::string_view take_segment(std::string_view& path) {
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

Error unknown_path() { return not_found("Not Found"); }

// [{repository}/](index | models/{model}/(load | unload)): there is one repository, whatever it is called.
Result<Target> parse_repository(std::string_view path) {
  if (!path.starts_with("models/")) {
    take_segment(path);
    if (!take(path, "/")) return unknown_path();
  }
  Target target;
  target.verb = Verb::kIndex;
  if (path == "index") return target;
  if (!take(path, "models/")) return unknown_path();
  target.model = json::percent_decode(take_segment(path));
  target.verb = path == "/load" ? Verb::kLoad : Verb::kUnload;
  if (target.model.empty() || (path != "/load" && path != "/unload")) return unknown_path();
  return target;
}

}  // namespace

bool is_target(std::string_view path) { return path == "/v2" || path.starts_with("/v2/"); }

std::string_view method_of(Verb verb) {
  const bool posts =
      verb == Verb::kInfer || verb == Verb::kIndex || verb == Verb::kLoad || verb == Verb::kUnload;
  return posts ? "POST" : "GET";
}

Result<Target> parse_target(std::string_view path) {
  take(path, "/v2");
  Target target;
  for (const Fixed& fixed : kFixed)
    if (path == fixed.path) {
      target.verb = fixed.verb;
      return target;
    }
  if (take(path, "/repository/")) return parse_repository(path);
  if (!take(path, "/models/")) return unknown_path();
  target.model = json::percent_decode(take_segment(path));
  if (target.model.empty()) return unknown_path();
  if (take(path, "/versions/")) {
    AMAS_TRY(target.version, read_version(take_segment(path)));
  }
  for (const Fixed& known : kOfModel)
    if (path == known.path) {
      target.verb = known.verb;
      return target;
    }
  return unknown_path();
}

}  // namespace amas::oip
