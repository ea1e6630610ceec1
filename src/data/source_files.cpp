#include "data/source_files.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"

namespace amas::data {
namespace {

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

/// Walks folders and keeps the files that fit.
class Walk {
 public:
  explicit Walk(fs::path root) : root_(std::move(root)) {}

  Status everything() { return visit(root_, {"**", "*"}); }
  /// `patterns`: one for each part of a path below the root.
  Status matching(const std::vector<std::string>& patterns) { return visit(root_, patterns); }

  std::vector<SourceFile> take() && {
    std::sort(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    const auto same = [](const auto& a, const auto& b) { return a.name == b.name; };
    files_.erase(std::unique(files_.begin(), files_.end(), same), files_.end());
    return std::move(files_);
  }

 private:
  Status visit(const fs::path& folder, const std::vector<std::string>& patterns) {
    const std::vector<std::string> rest(patterns.begin() + 1, patterns.end());
    const bool any_depth = patterns[0] == "**" && !rest.empty();
    if (any_depth) AMAS_CHECK(visit(folder, rest));
    AMAS_TRY(const auto names, list_folder(folder));
    for (const std::string& name : names) {
      if (::fnmatch(any_depth ? "*" : patterns[0].c_str(), name.c_str(), FNM_PERIOD) != 0) continue;
      const fs::path path = folder / name;
      std::error_code ignored;
      if (!any_depth && rest.empty()) {
        if (fs::is_regular_file(path, ignored))
          files_.push_back({path, path.lexically_relative(root_).generic_string()});
      } else if (fs::is_directory(fs::symlink_status(path, ignored))) {
        AMAS_CHECK(visit(path, any_depth ? patterns : rest));
      }
    }
    return {};
  }

  fs::path root_;
  std::vector<SourceFile> files_;
};

}  // namespace

Result<std::vector<SourceFile>> source_files(const std::string& path) {
  std::error_code ignored;
  if (path.empty()) return invalid_argument("the source has no path; say which file, folder or glob to read");
  if (fs::is_regular_file(path, ignored))
    return std::vector<SourceFile>{{path, fs::path(path).filename().string()}};
  if (fs::is_directory(path, ignored)) {
    Walk walk(path);
    AMAS_CHECK(walk.everything());
    auto files = std::move(walk).take();
    if (files.empty()) return not_found(fmt::format("the source is a folder without files: {}", path));
    return files;
  }
  if (!has_wildcard(path)) {
    if (fs::exists(path, ignored))
      return invalid_argument(fmt::format("the source is no regular file: {}", path));
    return not_found(fmt::format("the source does not exist: {}; check the path", path));
  }
  fs::path root = path.front() == '/' ? "/" : ".";
  std::vector<std::string> patterns;
  for (const std::string_view part : split_at(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (patterns.empty() && !has_wildcard(part)) root /= part;
    else patterns.emplace_back(part);
  }
  if (!fs::is_directory(root, ignored))
    return not_found(fmt::format("the source does not exist: {}; check the path", root.string()));
  Walk walk(root);
  AMAS_CHECK(walk.matching(patterns));
  auto files = std::move(walk).take();
  if (files.empty())
    return not_found(fmt::format(
        "no file fits the source's pattern: {}; check the pattern and the folder that it begins with", path));
  return files;
}

bool fits(std::string_view pattern, std::string_view name) {
  return ::fnmatch(std::string(pattern).c_str(), std::string(name).c_str(), 0) == 0;
}

}  // namespace amas::data
