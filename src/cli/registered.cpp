#include "cli/registered.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/json/target.h"
#include "cli/usage.h"

namespace amas::cli {

void add_version_option(CLI::App& command, std::optional<std::int64_t>& version, const std::string& list) {
  const auto check = [list](const std::string& text) {
    return json::parse_version(text)
               ? std::string()
               : fmt::format("a version is a whole number from 1 up, not {}; see `{}`", text, list);
  };
  command.add_option("--version", version, "Its version [the newest]")
      ->type_name("N")
      ->check(CLI::Validator(check, ""));
}

Result<store::ModelVersion> find_version(const store::Store& store, const std::string& model,
                                         std::optional<std::int64_t> version) {
  AMAS_TRY(const auto versions, store.models(model));
  if (model.empty() || versions.empty()) {
    AMAS_TRY(const auto all, store.models());
    std::vector<std::string> names;
    for (const auto& other : all) names.push_back(other.model);
    names.erase(std::ranges::unique(names).begin(), names.end());
    return unknown_name("model", model, names);
  }
  if (!version) return versions.back();
  for (const auto& one : versions)
    if (one.version == *version) return one;
  return not_found(fmt::format("model {} has no version {}; its versions end at {}", model, *version,
                               versions.back().version));
}

}  // namespace amas::cli
