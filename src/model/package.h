#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "features/pipeline.h"
#include "model/manifest.h"
#include "model/profile.h"

namespace amas::model {

/// The files of a package in memory, name → content, without model.json.
using PackageFiles = std::map<std::string, std::string>;

/// The name of the manifest's file.
inline constexpr std::string_view kManifestFile = "model.json";

/// Completes `manifest.files` and the variants' bytes, renders model.json and returns all files with it. The
/// package's digest is sha256(model.json): model.json holds the digests of all others.
PackageFiles seal(Manifest& manifest, PackageFiles files);

/// A package on disk, opened: its manifest is read and checked, files are read when asked for.
class Package {
 public:
  /// Opens a folder.
  ///
  /// Errors: kNotFound when there is no model.json; those of manifest_from_json.
  static Result<Package> open(const std::filesystem::path& folder);
  /// Opens a folder that is to hold the package with this digest.
  ///
  /// Errors: kDataLoss when its model.json is missing or another; those of the first.
  static Result<Package> open(const std::filesystem::path& folder, std::string_view digest);

  /// Checks every file against the manifest.
  ///
  /// Errors: kDataLoss naming all that are missing or have changed.
  Status check_files() const;

  /// The package's identity: SHA-256 of model.json.
  const std::string& digest() const { return digest_; }
  /// What model.json says.
  const Manifest& manifest() const { return manifest_; }
  /// Where it lies.
  const std::filesystem::path& folder() const { return folder_; }
  /// Reads one file and checks it against the manifest.
  ///
  /// Errors: kNotFound when the manifest does not list it; kDataLoss when it is missing or its SHA-256
  /// differs.
  Result<std::string> read(std::string_view file) const;
  /// Reads pipeline.json; nothing when the package has no preparation.
  Result<std::optional<features::Pipeline>> pipeline() const;
  /// Reads profile.json; an empty profile when the package has no reference.
  Result<Profile> profile() const;

 private:
  std::filesystem::path folder_;
  std::string digest_;
  Manifest manifest_;
};

}  // namespace amas::model
