#include "store/content.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <iterator>

#include "base/file.h"
#include "crypto/digest.h"

namespace amas::store {
namespace {

constexpr mode_t kReadOnly = 0444;

bool is_digest(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

// Removes a temporary file or folder on the way out, unless it was renamed to its place.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  ~Temporary() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Whether the file is there and its content has this digest.
bool holds(const fs::path& path, std::string_view digest) {
  const auto found = crypto::sha256_file(path);
  return found && *found == digest;
}

Error damaged_blob(const fs::path& path) {
  return data_loss(
      fmt::format("blob is damaged: {}; run the spec that made it again (`amas run SPEC.yaml`), which makes "
                  "it anew, or restore it from a backup",
                  path.string()));
}

// Writes a new read-only file and waits until it is on the disk.
Status write_synced(const fs::path& path, std::string_view content) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kReadOnly);
  if (file < 0) return errno_error("cannot create file", path);
  bool written = true;
  while (written && !content.empty()) {
    const ssize_t count = ::write(file, content.data(), content.size());
    if (count >= 0) content.remove_prefix(static_cast<std::size_t>(count));
    else written = errno == EINTR;
  }
  if (!written || ::fsync(file) != 0) {
    Error error = errno_error("cannot write file", path);
    ::close(file);
    return error;
  }
  if (::close(file) != 0) return errno_error("cannot write file", path);
  return {};
}

}  // namespace

Status ContentFolder::prepare(std::int64_t age_max_s) const {
  for (const char* name : {"blobs", "packages", "incoming"}) AMAS_CHECK(make_folder(home_ / name));
  AMAS_TRY(const std::vector<std::string> names, list_folder(home_ / "incoming"));
  const auto oldest = fs::file_time_type::clock::now() - std::chrono::seconds(age_max_s);
  for (const std::string& name : names) {
    std::error_code ignored;
    const fs::path path = home_ / "incoming" / name;
    const auto written = fs::last_write_time(path, ignored);
    if (!ignored && written < oldest) fs::remove_all(path, ignored);
  }
  return {};
}

Result<std::string> ContentFolder::put_blob(std::string_view bytes) const {
  std::string digest = crypto::sha256_hex(bytes);
  const fs::path path = blob_path(digest);
  if (holds(path, digest)) return digest;
  AMAS_CHECK(make_folder(path.parent_path()));
  AMAS_CHECK(put_file(path, bytes));
  AMAS_CHECK(sync_folder(path.parent_path()));
  AMAS_CHECK(sync_folder(home_ / "blobs"));
  return digest;
}

Status ContentFolder::put_file(const fs::path& path, std::string_view content) const {
  const Temporary temporary(temporary_path());
  AMAS_CHECK(write_synced(temporary.path(), content));
  // From here on the whole content is on the disk, under a name that nobody looks for.
  if (::rename(temporary.path().c_str(), path.c_str()) != 0) return errno_error("cannot keep file", path);
  return {};
}

Result<std::string> ContentFolder::get_blob(std::string_view digest) const {
  if (!has_blob(digest)) return not_found(fmt::format("no blob with this digest: {}", digest));
  AMAS_TRY(std::string bytes, read_file(blob_path(digest)));
  if (crypto::sha256_hex(bytes) != digest) return damaged_blob(blob_path(digest));
  return bytes;
}

Status ContentFolder::check_blob(std::string_view digest) const {
  if (!has_blob(digest)) return not_found(fmt::format("no blob with this digest: {}", digest));
  if (!holds(blob_path(digest), digest)) return damaged_blob(blob_path(digest));
  return {};
}

Result<std::vector<std::string>> ContentFolder::blobs() const {
  std::vector<std::string> all;
  AMAS_TRY(const std::vector<std::string> folders, list_folder(home_ / "blobs"));
  for (const std::string& folder : folders) {
    if (std::error_code ignored; !fs::is_directory(home_ / "blobs" / folder, ignored)) continue;
    AMAS_TRY(std::vector<std::string> names, list_folder(home_ / "blobs" / folder));
    std::ranges::move(names, std::back_inserter(all));
  }
  return all;
}

bool ContentFolder::has_blob(std::string_view digest) const {
  std::error_code ignored;
  return is_digest(digest) && fs::is_regular_file(blob_path(digest), ignored);
}

Status ContentFolder::put_package(std::string_view digest,
                                  const std::map<std::string, std::string>& files) const {
  const auto manifest = files.find("model.json");
  if (manifest == files.end()) return invalid_argument("package has no model.json");
  if (crypto::sha256_hex(manifest->second) != digest)
    return invalid_argument(fmt::format("package's digest is not the SHA-256 of its model.json: {}", digest));
  for (const auto& [name, content] : files)
    if (!is_plain_name(name))
      return invalid_argument(fmt::format("file name of a package is not plain: \"{}\"", name));
  const fs::path folder = home_ / "packages" / digest;
  std::error_code ignored;
  if (fs::is_directory(folder, ignored)) {
    for (const auto& [name, content] : files)
      if (!holds(folder / name, crypto::sha256_hex(content))) AMAS_CHECK(put_file(folder / name, content));
    return sync_folder(folder);
  }
  const Temporary temporary(temporary_path());
  AMAS_CHECK(make_folder(temporary.path()));
  for (const auto& [name, content] : files) AMAS_CHECK(write_synced(temporary.path() / name, content));
  AMAS_CHECK(sync_folder(temporary.path()));
  // From here on all files are on the disk, in a folder that nobody looks for.
  if (::rename(temporary.path().c_str(), folder.c_str()) != 0 && errno != ENOTEMPTY && errno != EEXIST)
    return errno_error("cannot keep package",
                       folder);  // the two others: a second writer was quicker, with the same files
  return sync_folder(home_ / "packages");
}

Result<fs::path> ContentFolder::package_folder(std::string_view digest) const {
  fs::path folder = home_ / "packages" / digest;
  std::error_code ignored;
  if (!is_digest(digest) || !fs::is_directory(folder, ignored))
    return not_found(fmt::format("no package with this digest: {}", digest));
  return folder;
}

fs::path ContentFolder::blob_path(std::string_view digest) const {
  return home_ / "blobs" / digest.substr(0, 2) / digest;
}

fs::path ContentFolder::temporary_path() const {
  static std::atomic<unsigned> counter{0};
  // The time keeps apart processes of the same number in different containers that share a home.
  const auto ticks = std::chrono::system_clock::now().time_since_epoch().count();
  return home_ / "incoming" / fmt::format("{}-{}-{:x}", ::getpid(), counter++, ticks);
}

}  // namespace amas::store
