#include "engines/torch/checkpoint.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "crypto/digest.h"

namespace amas::engine::torch_lstm {
namespace {

constexpr std::string_view kFormat = "amas-checkpoint-1";
constexpr std::string_view kObserver = "observer";
constexpr std::size_t kAlignment = 8;
constexpr std::size_t kHeaderBytesMax = 16u << 20;

/// Where the digest stands while it is computed.
const std::string kNoDigest(64, '0');
constexpr std::string_view kDigestKey = "\"sha256\":\"";

/// The digest of a file: over the digests of its header, zeros in place of its own, and of each array in
/// order.
std::string digest_of(std::string_view header, std::span<const std::string_view> pieces) {
  std::string digests = crypto::sha256_hex(header);
  for (const std::string_view piece : pieces) digests += crypto::sha256_hex(piece);
  return crypto::sha256_hex(digests);
}

std::string_view bytes_of(std::span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

Error damaged(std::string_view why) { return data_loss(fmt::format("checkpoint is damaged: {}", why)); }

/// An array as a header places it.
struct Placed {
  std::string name, dtype;
  std::string_view bytes;
};

/// The arrays of a header, which must fill the data behind one another.
Result<std::vector<Placed>> place_arrays(const Json& header, std::string_view data) {
  std::map<std::uint64_t, std::pair<std::string, const Json*>> by_begin;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    AMAS_TRY(const auto offsets, json_array<std::uint64_t>(entry, "data_offsets"));
    // An empty array begins where the next one does: it has no bytes to check and is left out.
    if (offsets.size() != 2) return damaged("an array has no place");
    if (offsets[0] != offsets[1]) by_begin[offsets[0]] = {name, &entry};
  }
  std::vector<Placed> placed;
  std::uint64_t end = 0;
  for (const auto& [begin, array] : by_begin) {
    AMAS_TRY(const auto offsets, json_array<std::uint64_t>(*array.second, "data_offsets"));
    AMAS_TRY(const auto dtype, json_field<std::string>(*array.second, "dtype"));
    if (begin != end || offsets[1] < begin || offsets[1] > data.size())
      return damaged("an array lies elsewhere");
    end = offsets[1];
    placed.push_back({array.first, dtype, data.substr(begin, end - begin)});
  }
  if (end != data.size()) return damaged("it is cut, or something follows");
  return placed;
}

Status check_digest(std::string header, const std::vector<Placed>& arrays) {
  const auto at = header.find(kDigestKey);
  if (at == std::string::npos || header.size() - at < kDigestKey.size() + kNoDigest.size())
    return damaged("it has no digest");
  const std::string digest = header.substr(at + kDigestKey.size(), kNoDigest.size());
  header.replace(at + kDigestKey.size(), kNoDigest.size(), kNoDigest);
  std::vector<std::string_view> pieces;
  for (const Placed& array : arrays) pieces.push_back(array.bytes);
  return digest_of(header, pieces) == digest ? Status{} : damaged("its digest is wrong");
}

Result<Checkpoint> read(std::string_view header_text, std::string_view data) {
  AMAS_TRY(const Json header, parse_json(header_text));
  AMAS_TRY(const auto arrays, place_arrays(header, data));
  AMAS_CHECK(check_digest(std::string(header_text), arrays));
  // From here on it is what we wrote.
  AMAS_TRY(const auto metadata, json_field<Json>(header, "__metadata__"));
  AMAS_TRY(const auto format, json_field<std::string>(metadata, "format"));
  if (format != kFormat) return damaged("its format is " + format);
  Checkpoint checkpoint;
  AMAS_TRY(const auto state, json_field<std::string>(metadata, "state"));
  AMAS_TRY(checkpoint.state, parse_json(state));
  for (const Placed& array : arrays) {
    if (array.dtype != "F32") {
      checkpoint.observer = array.bytes;
      continue;
    }
    auto& values = checkpoint.arrays[array.name];
    values.resize(array.bytes.size() / sizeof(float));
    std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(float));
  }
  return checkpoint;
}

/// The header of a file with these arrays, the observer's bytes behind them.
std::string header_text(const Json& state, std::string_view observer,
                        std::span<const CheckpointArray> arrays) {
  Json header = {{"__metadata__", {{"format", kFormat}, {"sha256", kNoDigest}, {"state", dump_json(state)}}}};
  std::size_t end = 0;
  const auto add = [&](const std::string& name, std::string_view dtype, const Shape& shape,
                       std::size_t bytes) {
    header[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {end, end + bytes}}};
    end += bytes;
  };
  // Floats first, so that each starts where its alignment wants it.
  for (const auto& array : arrays) add(array.name, "F32", array.shape, array.values.size_bytes());
  add(std::string(kObserver), "U8", {static_cast<std::int64_t>(observer.size())}, observer.size());
  std::string text = dump_json(header);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  return text;
}

}  // namespace

Status write_checkpoint(const std::filesystem::path& file, const Json& state, std::string_view observer,
                        std::span<const CheckpointArray> arrays) {
  std::vector<std::string_view> pieces;
  for (const auto& array : arrays) pieces.push_back(bytes_of(array.values));
  if (!observer.empty()) pieces.push_back(observer);
  std::string header = header_text(state, observer, arrays);
  const std::string digest = digest_of(header, pieces);
  header.replace(header.find(kDigestKey) + kDigestKey.size(), digest.size(), digest);
  const std::uint64_t length = header.size();
  pieces.insert(pieces.begin(), {{reinterpret_cast<const char*>(&length), sizeof length}, header});
  return write_file_atomic(file, pieces);
}

Result<Checkpoint> parse_checkpoint(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return damaged("it is too short");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kHeaderBytesMax || length > bytes.size() - sizeof length) return damaged("its header is cut");
  auto checkpoint = read(bytes.substr(sizeof length, length), bytes.substr(sizeof length + length));
  if (!checkpoint && checkpoint.error().code != Code::kDataLoss) return damaged(checkpoint.error().message);
  return checkpoint;
}

}  // namespace amas::engine::torch_lstm
