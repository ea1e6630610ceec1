#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "convert/import.h"

namespace amas::convert {
namespace {

// The one ONNX file of a folder.
Result<std::filesystem::path> file_in(const std::filesystem::path& folder) {
  AMAS_TRY(const auto names, list_folder(folder));
  std::vector<std::string> found;
  for (const std::string& name : names)
    if (name.ends_with(".onnx")) found.push_back(name);
  if (found.size() == 1) return folder / found[0];
  if (const auto at = std::ranges::find(found, "model.onnx"); at != found.end()) return folder / *at;
  if (found.empty())
    return invalid_argument(
        fmt::format("the folder holds no model that amas knows: {}; name an .onnx file or its folder",
                    printable(folder.string())));
  return invalid_argument(fmt::format("the folder holds several models: {}, {}, …; name one of them",
                                      printable(found[0]), printable(found[1])));
}

}  // namespace

std::string name_for(const std::filesystem::path& path) {
  std::error_code code;
  const bool is_folder = std::filesystem::is_directory(path, code);
  const auto last = path.has_filename() ? path : path.parent_path();
  std::string name = is_folder ? last.filename().string() : last.stem().string();
  for (char& c : name) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    if (!plain) c = '-';
  }
  const auto begin = name.find_first_not_of("-.");
  return begin == std::string::npos ? "" : name.substr(begin, limits::kModelNameBytesMax);
}

Result<Graph> read_model(const std::filesystem::path& path) {
  std::error_code code;
  if (!std::filesystem::is_directory(path, code)) return read_onnx(path);
  AMAS_TRY(const auto file, file_in(path));
  return read_onnx(file);
}

}  // namespace amas::convert
