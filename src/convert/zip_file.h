#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace amas::convert {

/// A member of a zip file, as its directory says.
struct ZipEntry {
  std::string name;  ///< as it stands there; never a path to open
  std::uint16_t method = 0;
  std::uint64_t compressed_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< of its local header
  std::uint32_t checksum = 0;
  bool encrypted = false;
};

/// A zip file that is read member by member into memory; nothing is ever written to disk by a member's name.
/// Source: PKWARE APPNOTE 6.3, with zip64.
class ZipFile {
 public:
  /// Opens a file and reads its directory.
  ///
  /// Errors: kInvalidArgument when it is no zip file, spans several, or its directory is malformed;
  ///         kResourceExhausted for more than limits::kArchiveEntriesMax members; those of opening it.
  static Result<ZipFile> open(const std::filesystem::path& path);

  /// Its members, in the order of the directory.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  /// The member with this name; null when there is none.
  const ZipEntry* find(std::string_view name) const;
  /// Reads a member, stored or deflated, and checks its size and checksum.
  ///
  /// Errors: kResourceExhausted when it is larger than `bytes_max`, whatever the directory says;
  ///         kUnimplemented when it is encrypted or compressed in another way; kDataLoss when it is damaged.
  Result<std::string> read(const ZipEntry& entry, std::uint64_t bytes_max);

 private:
  Result<std::string> read_at(std::uint64_t offset, std::uint64_t bytes);
  Status read_directory(std::uint64_t offset, std::uint64_t bytes);

  std::ifstream file_;
  std::uint64_t size_ = 0;
  std::vector<ZipEntry> entries_;
};

}  // namespace amas::convert
