#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

namespace amas {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

bool write_all(int descriptor, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Error errno_error(std::string_view what, const fs::path& path) {
  const int number = errno;
  const std::string text = fmt::format("{}: {}: {}", what, path.string(), std::strerror(number));
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return {Code::kNotFound, text};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::kPermissionDenied, text + "; check the owner and mode"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Code::kResourceExhausted, text + "; free some space and try again"};
    default:
      return {Code::kDataLoss, text};
  }
}

Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.value() < 0) return errno_error("cannot open file", path);
  struct stat info {};
  if (::fstat(file.value(), &info) != 0) return errno_error("cannot read file", path);
  if (S_ISDIR(info.st_mode))
    return invalid_argument(fmt::format("is a folder, not a file: {}", path.string()));
  if (static_cast<std::uint64_t>(info.st_size) > bytes_max)
    return resource_exhausted(fmt::format("file is larger than allowed: {}: {} > {} bytes", path.string(),
                                          info.st_size, bytes_max));
  std::string content;
  content.resize(static_cast<std::size_t>(info.st_size));
  std::size_t filled = 0;
  // One more byte than the size is asked for, so that a file that grows (or /proc, whose size is 0) is read
  // whole.
  for (;;) {
    if (filled == content.size()) content.resize(content.size() + 4096);
    const ssize_t got = ::read(file.value(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read file", path);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (filled > bytes_max)
      return resource_exhausted(
          fmt::format("file is larger than allowed: {}: > {} bytes", path.string(), bytes_max));
  }
  content.resize(filled);
  return content;
}

Status write_file_atomic(const fs::path& path, std::string_view content) {
  return write_file_atomic(path, std::span(&content, 1));
}

Status write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces) {
  static std::atomic<unsigned> counter{0};
  if (path.has_parent_path()) AMAS_CHECK(make_folder(path.parent_path()));
  const fs::path temporary = path.string() + fmt::format(".{}.{}.tmp", ::getpid(), counter++);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.value() < 0) return errno_error("cannot create file", temporary);
  const bool written = std::all_of(pieces.begin(), pieces.end(),
                                   [&](std::string_view piece) { return write_all(file.value(), piece); });
  if (!written || ::fsync(file.value()) != 0 || ::close(file.release()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    Error error = errno_error("cannot write file", path);
    ::unlink(temporary.c_str());
    return error;
  }
  return sync_folder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

Status make_folder(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code) return {};
  errno = code.value();
  return errno_error("cannot make folder", path);
}

Result<std::vector<std::string>> list_folder(const fs::path& path) {
  std::error_code code;
  std::vector<std::string> names;
  for (fs::directory_iterator at(path, code), end; !code && at != end; at.increment(code))
    names.push_back(at->path().filename().string());
  if (code) {
    errno = code.value();
    return errno_error("cannot list folder", path);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Status sync_folder(const fs::path& path) {
  const Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.value() < 0 || ::fsync(folder.value()) != 0) return errno_error("cannot sync folder", path);
  return {};
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "amas-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw fs::filesystem_error("cannot make a temporary folder",
                               std::error_code(errno, std::generic_category()));
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Result<FileLock> FileLock::take(const fs::path& path, std::string_view content) {
  if (path.has_parent_path()) AMAS_CHECK(make_folder(path.parent_path()));
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.value() < 0) return errno_error("cannot open lock", path);
  if (::flock(file.value(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error("cannot lock", path);
    const auto holder = read_file(path, 4096);
    return failed_precondition(fmt::format("already in use by another process: {} (held by {})",
                                           path.string(), holder ? *holder : "unknown"));
  }
  if (::ftruncate(file.value(), 0) != 0 || !write_all(file.value(), content))
    return errno_error("cannot lock", path);
  return FileLock(file.release());
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace amas
