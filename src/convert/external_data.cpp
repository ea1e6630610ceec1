#include "convert/external_data.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "convert/onnx_walk.h"
#include "crypto/digest.h"
#include "tensor/tensor.h"

namespace amas::convert {
namespace {

using onnx::TensorProto;

// An open file; -1: none.
class OpenFile {
 public:
  explicit OpenFile(int descriptor = -1) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

struct DataFile {
  OpenFile file;
  std::uint64_t bytes = 0;
};

// Where a tensor's data lie.
struct Location {
  std::string file;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

Result<std::uint64_t> whole_number(const TensorProto& tensor, const std::string& key,
                                   const std::string& text) {
  std::uint64_t number = 0;
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || at != end)
    return invalid_argument(fmt::format("weights' place is malformed: {} of {} is \"{}\"; export it again",
                                        key, printable(tensor.name()), printable(text)));
  return number;
}

Result<Location> location_of(const TensorProto& tensor) {
  Location location;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location.file = entry.value();
    if (entry.key() == "offset") {
      AMAS_TRY(location.offset, whole_number(tensor, "offset", entry.value()));
    }
    if (entry.key() == "length") {
      AMAS_TRY(location.length, whole_number(tensor, "length", entry.value()));
    }
  }
  return location;
}

Error outside(const std::string& file) {
  return invalid_argument(
      fmt::format("the model names weights outside of its folder: \"{}\"; put them beside the model and "
                  "export it again with a plain file name",
                  printable(file)));
}

Result<std::vector<std::string>> parts_of(const std::string& file) {
  std::vector<std::string> parts;
  for (const std::string_view part : split_at(file, '/')) {
    if (part == ".") continue;
    if (part.empty() || part == ".." || part.find('\0') != std::string_view::npos) return outside(file);
    parts.emplace_back(part);
  }
  if (parts.empty()) return outside(file);
  return parts;
}

// Opens a file below a folder one name after the other, so that no link on the way is followed.
Result<DataFile> open_below(const std::filesystem::path& folder, const std::string& name) {
  AMAS_TRY(const auto parts, parts_of(name));
  OpenFile at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) return errno_error("cannot open the model's folder", folder);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const int kind = i + 1 < parts.size() ? O_DIRECTORY : O_NONBLOCK;
    OpenFile next(::openat(at.get(), parts[i].c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | kind));
    if (next.get() < 0 && errno == ELOOP)
      return invalid_argument(
          fmt::format("the model's weights are a symbolic link, which is not followed: {}; copy the model "
                      "with `cp -rL` and import the copy",
                      printable((folder / name).string())));
    if (next.get() < 0) return errno_error("cannot open the model's weights", folder / name);
    at = std::move(next);
  }
  struct stat info {};
  if (::fstat(at.get(), &info) != 0) return errno_error("cannot read the model's weights", folder / name);
  if (!S_ISREG(info.st_mode))
    return invalid_argument(
        fmt::format("the model's weights are no file: {}", printable((folder / name).string())));
  return DataFile{std::move(at), static_cast<std::uint64_t>(info.st_size)};
}

Status read_at(const DataFile& data, std::uint64_t offset, const std::filesystem::path& path,
               std::string& into) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t got = ::pread(data.file.get(), into.data() + filled, into.size() - filled,
                                static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("cannot read the model's weights", path);
    if (got == 0) return data_loss(fmt::format("the model's weights end early: {}", path.string()));
    filled += static_cast<std::size_t>(got);
  }
  return {};
}

// Bytes of one element; nothing for types that are packed or unknown here.
std::optional<std::uint64_t> element_bytes(std::int32_t type) {
  switch (type) {
    case TensorProto::BOOL:
    case TensorProto::UINT8:
    case TensorProto::INT8:
      return 1;
    case TensorProto::UINT16:
    case TensorProto::INT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 2;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return 8;
    default:
      return std::nullopt;
  }
}

// How many bytes a tensor takes by its dims; nothing where its type does not say.
Result<std::optional<std::uint64_t>> bytes_by_dims(const TensorProto& tensor) {
  const auto one = element_bytes(tensor.data_type());
  if (!one) return std::optional<std::uint64_t>();
  for (const std::int64_t dim : tensor.dims())
    if (dim < 0)
      return invalid_argument(
          fmt::format("weights have a negative size: {}; export the model again", printable(tensor.name())));
  const std::size_t count = element_count(std::vector(tensor.dims().begin(), tensor.dims().end()));
  if (count > std::numeric_limits<std::uint64_t>::max() / *one)
    return invalid_argument(fmt::format("weights are larger than any file: {}; export the model again",
                                        printable(tensor.name())));
  return std::optional(count * *one);
}

// Reads tensors out of the files beside one model.
class Reader {
 public:
  Reader(const std::filesystem::path& folder, std::uint64_t bytes_max)
      : folder_(folder), bytes_left_(bytes_max) {}

  Status take(TensorProto& tensor) {
    AMAS_TRY(const Location location, location_of(tensor));
    AMAS_TRY(const DataFile* data, open(location.file));
    if (location.offset > data->bytes) return cut_off(tensor, location, *data);
    const std::uint64_t length = location.length.value_or(data->bytes - location.offset);
    AMAS_TRY(const auto wanted, bytes_by_dims(tensor));
    if (wanted && *wanted != length)
      return invalid_argument(
          fmt::format("weights do not have the size that their dims say: {} has {} bytes, not {}; export the "
                      "model again",
                      printable(tensor.name()), length, *wanted));
    if (length > data->bytes - location.offset) return cut_off(tensor, location, *data);
    if (length > bytes_left_)
      return resource_exhausted(
          fmt::format("the model is larger than amas takes: its weights pass {}; export it in float16 or "
                      "quantised",
                      format_bytes(static_cast<double>(limits::kOnnxBytesMax))));
    bytes_left_ -= length;
    std::string bytes(length, '\0');
    AMAS_CHECK(read_at(*data, location.offset, folder_ / location.file, bytes));
    tensor.set_raw_data(std::move(bytes));
    tensor.clear_external_data();
    tensor.clear_data_location();
    return {};
  }

  Result<std::map<std::string, std::string>> digests() const {
    std::map<std::string, std::string> all;
    for (const auto& [name, data] : files_) {
      AMAS_TRY(all[name], crypto::sha256_file(folder_ / name));
    }
    return all;
  }

 private:
  Result<const DataFile*> open(const std::string& name) {
    const auto found = files_.find(name);
    if (found != files_.end()) return &found->second;
    AMAS_TRY(DataFile data, open_below(folder_, name));
    return &(files_[name] = std::move(data));
  }

  static Error cut_off(const TensorProto& tensor, const Location& location, const DataFile& data) {
    return data_loss(
        fmt::format("the model's weights are cut off: {} begins at byte {} of {}, which has {}; copy the "
                    "file again",
                    printable(tensor.name()), location.offset, printable(location.file), data.bytes));
  }

  const std::filesystem::path& folder_;
  std::uint64_t bytes_left_;
  std::map<std::string, DataFile> files_;
};

}  // namespace

Result<std::map<std::string, std::string>> take_external_data(onnx::ModelProto& model,
                                                              const std::filesystem::path& folder,
                                                              std::uint64_t bytes_max) {
  Reader reader(folder, bytes_max);
  Status status;
  for_each_constant(model, [&](TensorProto& tensor) {
    if (status && tensor.data_location() == TensorProto::EXTERNAL) status = reader.take(tensor);
  });
  AMAS_CHECK(std::move(status));
  return reader.digests();
}

}  // namespace amas::convert
