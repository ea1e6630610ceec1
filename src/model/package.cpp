#include "model/package.h"

#include <fmt/format.h>

#include "base/file.h"
#include "crypto/digest.h"

namespace amas::model {
namespace {

const std::string kPipelineFile = "pipeline.json";
const std::string kProfileFile = "profile.json";

Error damaged(const std::filesystem::path& folder, const std::string& what) {
  return data_loss(
      fmt::format("package is damaged: {} in {}; run the model's spec again (`amas run SPEC.yaml`), which "
                  "makes the package anew, or restore it from a backup",
                  what, folder.string()));
}

// What is wrong with one file; empty when nothing is.
std::string flaw_of(const std::filesystem::path& folder, const std::string& name, std::string_view digest) {
  const auto found = crypto::sha256_file(folder / name);
  if (found) return *found == digest ? "" : name + " has changed";
  return name + (found.error().code == Code::kNotFound ? " is missing" : " cannot be read");
}

}  // namespace

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

Result<Package> Package::open(const std::filesystem::path& folder, std::string_view digest) {
  const std::string flaw = flaw_of(folder, std::string(kManifestFile), digest);
  if (!flaw.empty()) return damaged(folder, flaw);
  return open(folder);
}

Status Package::check_files() const {
  std::string flaws;
  for (const auto& [name, digest] : manifest_.files)
    if (const std::string flaw = flaw_of(folder_, name, digest); !flaw.empty())
      flaws += (flaws.empty() ? "" : ", ") + flaw;
  if (!flaws.empty()) return damaged(folder_, flaws);
  return {};
}

Result<std::string> Package::read(std::string_view file) const {
  const auto at = manifest_.files.find(std::string(file));
  if (at == manifest_.files.end())
    return not_found(fmt::format("package has no such file: {} ({} of {})", file, manifest_.name, digest_));
  auto content = read_file(folder_ / at->first);
  if (!content && content.error().code == Code::kNotFound) return damaged(folder_, at->first + " is missing");
  if (content && crypto::sha256_hex(*content) != at->second)
    return damaged(folder_, at->first + " has changed");
  return content;
}

Result<std::optional<features::Pipeline>> Package::pipeline() const {
  if (!manifest_.files.contains(kPipelineFile)) return std::optional<features::Pipeline>();
  AMAS_TRY(const std::string text, read(kPipelineFile));
  AMAS_TRY(auto pipeline, features::Pipeline::from_json(text));
  return std::optional<features::Pipeline>(std::move(pipeline));
}

Result<Profile> Package::profile() const {
  if (!manifest_.files.contains(kProfileFile)) return Profile();
  AMAS_TRY(const std::string text, read(kProfileFile));
  return profile_from_json(text);
}

}  // namespace amas::model
