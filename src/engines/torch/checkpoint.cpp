#include "engines/torch/checkpoint.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstring>

#include "crypto/digest.h"

namespace amas::engine::torch_lstm {
namespace {

constexpr std::string_view kFormat = "amas-checkpoint-1";
constexpr std::string_view kObserver = "observer";
constexpr std::size_t kAlignment = 8;
constexpr std::size_t kHeaderBytesMax = 16u << 20;

/// Where the digest stands while it is computed: the file's own digest is that of the file with zeros in its
/// place.
const std::string kNoDigest(64, '0');

Error damaged(std::string_view why) { return data_loss(fmt::format("checkpoint is damaged: {}", why)); }

/// Where an array of the header lies within the data, once it has been checked.
Result<std::string_view> array_bytes(const Json& entry, std::string_view dtype, std::string_view data) {
  AMAS_TRY(const auto is, json_field<std::string>(entry, "dtype"));
  AMAS_TRY(const auto offsets, json_array<std::uint64_t>(entry, "data_offsets"));
  if (is != dtype || offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
    return damaged("an array lies outside of it");
  return data.substr(offsets[0], offsets[1] - offsets[0]);
}

/// Compares the digest, which is overwritten with zeros.
Status check_digest(std::string& bytes, std::size_t header_end) {
  constexpr std::string_view kKey = "\"sha256\":\"";
  const auto at = std::string_view(bytes).substr(0, header_end).find(kKey);
  if (at == std::string::npos || bytes.size() - at < kKey.size() + kNoDigest.size())
    return damaged("it has no digest");
  const std::string digest = bytes.substr(at + kKey.size(), kNoDigest.size());
  bytes.replace(at + kKey.size(), kNoDigest.size(), kNoDigest);
  return crypto::sha256_hex(bytes) == digest ? Status{} : damaged("its digest is wrong");
}

Result<Checkpoint> read_checked(std::string_view bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  AMAS_TRY(Json header, parse_json(bytes.substr(sizeof length, length)));
  const std::string_view data = bytes.substr(sizeof length + length);
  AMAS_TRY(const auto metadata, json_field<Json>(header, "__metadata__"));
  AMAS_TRY(const auto format, json_field<std::string>(metadata, "format"));
  if (format != kFormat) return damaged("its format is " + format);
  Checkpoint checkpoint;
  AMAS_TRY(const auto state, json_field<std::string>(metadata, "state"));
  AMAS_TRY(checkpoint.state, parse_json(state));
  header.erase("__metadata__");
  for (const auto& [name, entry] : header.items()) {
    AMAS_TRY(const auto content, array_bytes(entry, name == kObserver ? "U8" : "F32", data));
    if (name == kObserver) {
      checkpoint.observer = content;
      continue;
    }
    auto& values = checkpoint.arrays[name];
    values.resize(content.size() / sizeof(float));
    std::memcpy(values.data(), content.data(), values.size() * sizeof(float));
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

std::string render_checkpoint(const Json& state, std::string_view observer,
                              std::span<const CheckpointArray> arrays) {
  const std::string header = header_text(state, observer, arrays);
  const std::uint64_t length = header.size();
  std::size_t bytes = sizeof length + header.size() + observer.size();
  for (const auto& array : arrays) bytes += array.values.size_bytes();
  std::string file;
  file.reserve(bytes);  // As large as the model is four times: one copy is enough.
  file.append(reinterpret_cast<const char*>(&length), sizeof length).append(header);
  for (const auto& array : arrays)
    file.append(reinterpret_cast<const char*>(array.values.data()), array.values.size_bytes());
  file.append(observer);
  const std::string digest = crypto::sha256_hex(file);
  return file.replace(file.find(kNoDigest), kNoDigest.size(), digest);
}

Result<Checkpoint> parse_checkpoint(std::string bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return damaged("it is too short");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kHeaderBytesMax || length > bytes.size() - sizeof length) return damaged("its header is cut");
  AMAS_CHECK(check_digest(bytes, sizeof length + length));
  // From here on it is what we wrote.
  auto checkpoint = read_checked(bytes);
  if (!checkpoint && checkpoint.error().code != Code::kDataLoss) return damaged(checkpoint.error().message);
  return checkpoint;
}

}  // namespace amas::engine::torch_lstm
