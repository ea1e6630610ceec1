#include "model/package.h"

#include <fmt/format.h>

#include "base/file.h"
#include "crypto/digest.h"

namespace amas::model {

PackageFiles seal(Manifest& manifest, PackageFiles files) {
  files.erase(std::string(kManifestFile));
  manifest.files.clear();
  for (const auto& [name, content] : files) manifest.files[name] = crypto::sha256_hex(content);
  for (Variant& variant : manifest.variants)
    if (const auto at = files.find(variant.file); at != files.end()) variant.bytes = at->second.size();
  files[std::string(kManifestFile)] = to_json(manifest);
  return files;
}

Result<Package> Package::open(const std::filesystem::path& folder) {
  AMAS_TRY(const std::string text, read_file(folder / kManifestFile, limits::kDocumentBytesMax));
  auto manifest = manifest_from_json(text);
  if (!manifest) return manifest.error().at((folder / kManifestFile).string());
  Package package;
  package.folder_ = folder;
  package.digest_ = crypto::sha256_hex(text);
  package.manifest_ = std::move(*manifest);
  return package;
}

Result<std::string> Package::read(std::string_view file) const {
  const auto at = manifest_.files.find(std::string(file));
  if (at == manifest_.files.end())
    return not_found(fmt::format("package has no such file: {} ({} of {})", file, manifest_.name, digest_));
  AMAS_TRY(std::string content, read_file(folder_ / at->first));
  if (const std::string digest = crypto::sha256_hex(content); digest != at->second)
    return data_loss(
        fmt::format("package file has changed: {} is {}, model.json says {}; import the package again",
                    (folder_ / at->first).string(), digest, at->second));
  return content;
}

Result<features::Pipeline> Package::pipeline() const {
  AMAS_TRY(const std::string text, read("pipeline.json"));
  return features::Pipeline::from_json(text);
}

Result<Profile> Package::profile() const {
  AMAS_TRY(const std::string text, read("profile.json"));
  return profile_from_json(text);
}

}  // namespace amas::model
