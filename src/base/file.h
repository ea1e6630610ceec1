#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas {

namespace fs = std::filesystem;

/// Reads a whole file.
///
/// Errors: kNotFound; kPermissionDenied; kResourceExhausted when larger than `bytes_max`; kDataLoss on a read
/// error.
Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max = 2'000'000'000);

/// Writes a file so that a reader, or a crash at any moment, sees the old content or the whole new one: a
/// temporary file beside it, synced, then renamed over it. Makes the parent folders.
///
/// Errors: kResourceExhausted when the disk is full (the old file stays); kPermissionDenied; kDataLoss
/// otherwise.
Status write_file_atomic(const fs::path& path, std::string_view content);
/// The same for content that lies in pieces, which stand behind one another in the file.
Status write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces);

/// Makes a folder and its parents; succeeds where it exists.
Status make_folder(const fs::path& path);

/// The names in a folder, sorted bytewise; files and folders, without "." and "..".
Result<std::vector<std::string>> list_folder(const fs::path& path);

/// Makes a folder's entries (new names, renames) survive a power cut.
Status sync_folder(const fs::path& path);

/// Turns errno of a failed call on `path` into an Error whose message says what to do.
Error errno_error(std::string_view what, const fs::path& path);

/// A folder of its own below the system's temporary folder, removed with everything in it at the end.
class TemporaryFolder {
 public:
  /// Makes the folder; throws std::filesystem::filesystem_error when that cannot be done.
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  /// Where it is.
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// An advisory lock on a file, held until destroyed; the system frees it when the process dies.
class FileLock {
 public:
  /// Takes the lock without waiting. `content` (such as our pid) is written into the file for whoever is
  /// refused.
  ///
  /// Errors: kFailedPrecondition with the holder's content when another process has it.
  static Result<FileLock> take(const fs::path& path, std::string_view content);
  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace amas
