#include "convert/zip_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

namespace amas::convert {
namespace {

constexpr std::uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint32_t kMember = 0x02014b50, kLocal = 0x04034b50;
constexpr std::uint64_t kEndBytes = 22, kCommentMax = 0xffff, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr std::uint64_t kMemberBytes = 46, kLocalBytes = 30;

// Little-endian numbers of a record that is long enough.
template <class T>
T number_at(std::string_view bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(static_cast<unsigned char>(bytes[at + i])) << (8 * i));
  return value;
}

Error malformed(std::string_view what) {
  return invalid_argument(fmt::format("zip file is malformed: {}; copy it again", what));
}

// The directory's place, from the record at the end (or its zip64 form).
struct Directory {
  std::uint64_t offset = 0, bytes = 0, entries = 0;
};

// Sizes that do not fit 32 bits stand in an extra field, those that are needed, in this order.
Status read_zip64_extra(std::string_view extra, ZipEntry& entry) {
  const std::uint32_t kWide = 0xffffffff;
  while (extra.size() >= 4) {
    const auto id = number_at<std::uint16_t>(extra, 0);
    const auto size = number_at<std::uint16_t>(extra, 2);
    extra.remove_prefix(4);
    if (size > extra.size()) return malformed("an extra field is cut off");
    std::string_view field = extra.substr(0, size);
    extra.remove_prefix(size);
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.bytes, &entry.compressed_bytes, &entry.offset}) {
      if (*value != kWide) continue;
      if (field.size() < 8) return malformed("a size is missing");
      *value = number_at<std::uint64_t>(field, 0);
      field.remove_prefix(8);
    }
  }
  return {};
}

Result<std::string> inflated(std::string_view compressed, std::uint64_t bytes_max) {
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) return resource_exhausted("no memory to unpack");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    const std::size_t filled = out.size();
    out.resize(filled + std::min<std::uint64_t>(1 << 20, bytes_max + 1 - filled));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    stream.avail_out = static_cast<uInt>(out.size() - filled);
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
    if (status == Z_OK && stream.avail_in == 0 && stream.avail_out > 0) status = Z_DATA_ERROR;
  }
  ::inflateEnd(&stream);
  if (out.size() > bytes_max) return resource_exhausted("a member unpacks to more than is allowed");
  if (status != Z_STREAM_END) return data_loss("a member of the zip file is damaged; copy it again");
  return out;
}

}  // namespace

Result<std::string> ZipFile::read_at(std::uint64_t offset, std::uint64_t bytes) {
  if (offset > size_ || bytes > size_ - offset) return malformed("it names bytes beyond its end");
  std::string content(bytes, '\0');
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(offset));
  file_.read(content.data(), static_cast<std::streamsize>(bytes));
  if (!file_) return data_loss("the zip file cannot be read");
  return content;
}

Status ZipFile::read_directory(std::uint64_t offset, std::uint64_t count) {
  if (count > limits::kArchiveEntriesMax)
    return resource_exhausted(
        fmt::format("zip file has more members than allowed: {} > {}", count, limits::kArchiveEntriesMax));
  if (offset > size_) return malformed("its directory lies beyond its end");
  AMAS_TRY(const std::string all,
           read_at(offset, std::min<std::uint64_t>(size_ - offset, limits::kArchiveDirectoryBytesMax)));
  std::string_view left = all;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (left.size() < kMemberBytes || number_at<std::uint32_t>(left, 0) != kMember)
      return malformed("its directory is cut off");
    ZipEntry entry;
    entry.encrypted = (number_at<std::uint16_t>(left, 8) & 1U) != 0;
    entry.method = number_at<std::uint16_t>(left, 10);
    entry.checksum = number_at<std::uint32_t>(left, 16);
    entry.compressed_bytes = number_at<std::uint32_t>(left, 20);
    entry.bytes = number_at<std::uint32_t>(left, 24);
    entry.offset = number_at<std::uint32_t>(left, 42);
    const std::size_t name = number_at<std::uint16_t>(left, 28), extra = number_at<std::uint16_t>(left, 30),
                      comment = number_at<std::uint16_t>(left, 32);
    if (left.size() < kMemberBytes + name + extra + comment) return malformed("its directory is cut off");
    entry.name = left.substr(kMemberBytes, name);
    AMAS_CHECK(read_zip64_extra(left.substr(kMemberBytes + name, extra), entry));
    entries_.push_back(std::move(entry));
    left.remove_prefix(kMemberBytes + name + extra + comment);
  }
  return {};
}

Result<ZipFile> ZipFile::open(const std::filesystem::path& path) {
  ZipFile zip;
  zip.file_.open(path, std::ios::binary);
  std::error_code code;
  zip.size_ = std::filesystem::file_size(path, code);
  if (!zip.file_ || code) return not_found(fmt::format("cannot open file: {}", path.string()));
  const std::uint64_t tail_bytes = std::min(zip.size_, kEndBytes + kCommentMax);
  AMAS_TRY(const std::string tail, zip.read_at(zip.size_ - tail_bytes, tail_bytes));
  const std::size_t at = tail.rfind("PK\x05\x06");
  if (at == std::string::npos || tail.size() - at < kEndBytes) return malformed("it has no end");
  if (number_at<std::uint16_t>(tail, at + 4) != number_at<std::uint16_t>(tail, at + 6))
    return malformed("it is one of several volumes");
  Directory directory{number_at<std::uint32_t>(tail, at + 16), 0, number_at<std::uint16_t>(tail, at + 10)};
  const std::uint64_t end = zip.size_ - tail_bytes + at;
  if (end >= kLocatorBytes && (directory.offset == 0xffffffff || directory.entries == 0xffff)) {
    AMAS_TRY(const std::string locator, zip.read_at(end - kLocatorBytes, kLocatorBytes));
    if (number_at<std::uint32_t>(locator, 0) == kLocator64) {
      AMAS_TRY(const std::string wide, zip.read_at(number_at<std::uint64_t>(locator, 8), kEnd64Bytes));
      if (number_at<std::uint32_t>(wide, 0) != kEnd64) return malformed("its zip64 end is missing");
      directory = {number_at<std::uint64_t>(wide, 48), 0, number_at<std::uint64_t>(wide, 32)};
    }
  }
  AMAS_CHECK(zip.read_directory(directory.offset, directory.entries));
  return zip;
}

const ZipEntry* ZipFile::find(std::string_view name) const {
  const auto at = std::ranges::find(entries_, name, &ZipEntry::name);
  return at == entries_.end() ? nullptr : &*at;
}

Result<std::string> ZipFile::read(const ZipEntry& entry, std::uint64_t bytes_max) {
  if (entry.encrypted)
    return unimplemented(fmt::format("a member of the zip file is encrypted: {}", printable(entry.name)));
  if (entry.method != 0 && entry.method != 8)
    return unimplemented(
        fmt::format("a member of the zip file is compressed in a way that is not known: {}; "
                    "save the model again",
                    printable(entry.name)));
  if (entry.bytes > bytes_max || entry.compressed_bytes > std::numeric_limits<uInt>::max())
    return resource_exhausted(
        fmt::format("a member of the zip file is larger than allowed: {}: {} > {} bytes",
                    printable(entry.name), entry.bytes, bytes_max));
  AMAS_TRY(const std::string local, read_at(entry.offset, kLocalBytes));
  if (number_at<std::uint32_t>(local, 0) != kLocal) return malformed("a member is not where it should be");
  const std::uint64_t begin =
      entry.offset + kLocalBytes + number_at<std::uint16_t>(local, 26) + number_at<std::uint16_t>(local, 28);
  AMAS_TRY(std::string content, read_at(begin, entry.compressed_bytes));
  if (entry.method == 8) {
    AMAS_TRY(content, inflated(content, entry.bytes));
  }
  const auto checksum = ::crc32(::crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(content.data()),
                                static_cast<uInt>(content.size()));
  if (content.size() != entry.bytes || checksum != entry.checksum)
    return data_loss(
        fmt::format("a member of the zip file is damaged: {}; copy it again", printable(entry.name)));
  return content;
}

}  // namespace amas::convert
