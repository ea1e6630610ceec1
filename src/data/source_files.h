#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace amas::data {

/// One file that a source names.
struct SourceFile {
  fs::path path;
  std::string
      name;  ///< relative to the source: below the folder, or below the part of a glob without wildcards
};

/// The regular files that `path` (a file, a folder, or a glob) names, sorted bytewise by name. Folders are
/// searched in full; hidden names (a leading dot) are left out, unless `path` itself says them, and links to
/// folders not followed. In a glob * and ? stop at "/", and ** stands for any number of folders.
///
/// Errors: kNotFound when nothing is there; kPermissionDenied when a folder cannot be searched.
Result<std::vector<SourceFile>> source_files(const std::string& path);

/// Whether `name` fits a shell pattern in which * and ? match "/" too.
bool fits(std::string_view pattern, std::string_view name);

}  // namespace amas::data
