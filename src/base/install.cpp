#include "base/install.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace amas {

namespace fs = std::filesystem;

Result<fs::path> find_installed(std::string_view file) {
  std::vector<std::string> folders;
  if (const char* asked = std::getenv("AMAS_LIBRARIES"); asked != nullptr && *asked != '\0')
    folders.emplace_back(asked);
  std::error_code code;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", code); !code) {
    folders.push_back(program.parent_path().string());
    folders.push_back((program.parent_path().parent_path() / "lib" / "amas").string());
  }
  folders.emplace_back(AMAS_THIRD_PARTY_DIR "/onnxruntime/lib");
  folders.emplace_back(AMAS_THIRD_PARTY_DIR "/duckdb");
  for (const std::string& folder : folders)
    if (const fs::path path = fs::path(folder) / file; fs::exists(path, code)) return path;
  return not_found(
      fmt::format("a part of amas is missing: {}; looked in {}; run scripts/bootstrap, or set AMAS_LIBRARIES",
                  file, fmt::join(folders, ", ")));
}

}  // namespace amas
