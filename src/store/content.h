#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::store {

/// The files of a home that are named by their SHA-256: blobs and packages. Everything is written into
/// `incoming/`, synced, made read-only and renamed, so that a name under blobs/ or packages/ always stands
/// for whole content. Threads: safe to use from several at once, and from several processes.
class ContentFolder {
 public:
  explicit ContentFolder(std::filesystem::path home) : home_(std::move(home)) {}

  /// Makes the folders, and removes what writers that died left in incoming/ more than `age_max_s` ago.
  Status prepare(std::int64_t age_max_s) const;
  /// See Store.
  Result<std::string> put_blob(std::string_view bytes) const;
  /// See Store.
  Result<std::string> get_blob(std::string_view digest) const;
  /// See Store.
  bool has_blob(std::string_view digest) const;
  /// See Store.
  Status check_blob(std::string_view digest) const;
  /// See Store.
  Result<std::vector<std::string>> blobs() const;
  /// See Store.
  Status put_package(std::string_view digest, const std::map<std::string, std::string>& files) const;
  /// See Store.
  Result<std::filesystem::path> package_folder(std::string_view digest) const;
  /// See Store.
  std::filesystem::path blob_path(std::string_view digest) const;

 private:
  std::filesystem::path temporary_path() const;
  Status put_file(const std::filesystem::path& path, std::string_view content) const;

  std::filesystem::path home_;
};

}  // namespace amas::store
