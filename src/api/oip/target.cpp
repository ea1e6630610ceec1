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

}  // namespace

bool is_target(std::string_view path) { return path == "/v2" || path.starts_with("/v2/"); }

std::string_view method_of(Verb verb) {
  return verb == Verb::kInfer || verb == Verb::kIndex ? "POST" : "GET";
}

Result<Target> parse_target(std::string_view path) {
  take(path, "/v2");
  Target target;
  for (const Fixed& fixed : kFixed)
    if (path == fixed.path) {
      target.verb = fixed.verb;
      return target;
    }
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
