#include "base/file.h"
#include "base/limits.h"
#include "convert/booster.h"
#include "convert/import.h"
#include "convert/recognise.h"

namespace amas::convert {
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
  AMAS_TRY(const Recognised found, recognise(path));
  if (found.format == Format::kOnnx) return read_onnx(found.file);
  AMAS_TRY(const std::string bytes, read_file(found.file, limits::kDocumentBytesMax));
  return found.format == Format::kXgboost ? read_xgboost_model(bytes) : read_lightgbm_model(bytes);
}

}  // namespace amas::convert
