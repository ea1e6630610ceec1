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

/// The digest covers the header (without the digest itself) and the data behind it.
std::string digest_of(const Json& header, std::string_view data) {
  return crypto::sha256_hex(crypto::sha256_hex(dump_json(header)) + crypto::sha256_hex(data));
}

Json array_header(std::string_view dtype, const Shape& shape, std::size_t begin, std::size_t end) {
  return {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, end}}};
}

Error damaged(std::string_view why) { return data_loss(fmt::format("checkpoint is damaged: {}", why)); }

/// Where an array of the header lies within the data, once it has been checked.
Result<std::string_view> array_bytes(const Json& entry, std::string_view dtype, std::string_view data) {
  AMAS_TRY(const auto is, json_field<std::string>(entry, "dtype"));
  AMAS_TRY(const auto offsets, json_array<std::uint64_t>(entry, "data_offsets"));
  if (is != dtype || offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
    return damaged("an array lies outside of it");
  return data.substr(offsets[0], offsets[1] - offsets[0]);
}

Result<Json> read_header(std::string_view bytes, std::string_view& data) {
  std::uint64_t length = 0;
  if (bytes.size() < sizeof length) return damaged("it is too short");
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kHeaderBytesMax || length > bytes.size() - sizeof length) return damaged("its header is cut");
  AMAS_TRY(Json header, parse_json(bytes.substr(sizeof length, length)));
  data = bytes.substr(sizeof length + length);
  return header;
}

/// Takes the digest out of the header and compares it.
Status check_digest(Json& header, std::string_view data) {
  AMAS_TRY(const auto metadata, json_field<Json>(header, "__metadata__"));
  AMAS_TRY(const auto format, json_field<std::string>(metadata, "format"));
  if (format != kFormat) return damaged("its format is " + format);
  AMAS_TRY(const auto digest, json_field<std::string>(metadata, "sha256"));
  header["__metadata__"].erase("sha256");
  if (digest_of(header, data) != digest) return damaged("its digest is wrong");
  return {};
}

Result<Checkpoint> read_checked(std::string_view bytes) {
  std::string_view data;
  AMAS_TRY(Json header, read_header(bytes, data));
  AMAS_CHECK(check_digest(header, data));
  // From here on it is what we wrote.
  Checkpoint checkpoint;
  AMAS_TRY(const auto state, json_field<std::string>(header["__metadata__"], "state"));
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

}  // namespace

std::string render_checkpoint(const Json& state, std::string_view observer,
                              std::span<const CheckpointArray> arrays) {
  Json header = {{"__metadata__", {{"format", kFormat}, {"state", dump_json(state)}}}};
  std::string data;
  const auto append = [&](const std::string& name, std::string_view dtype, const Shape& shape,
                          const void* from, std::size_t bytes) {
    header[name] = array_header(dtype, shape, data.size(), data.size() + bytes);
    data.append(static_cast<const char*>(from), bytes);
  };
  std::size_t bytes = observer.size();
  for (const auto& array : arrays) bytes += array.values.size_bytes();
  data.reserve(bytes);
  // Floats first, so that each starts where its alignment wants it.
  for (const auto& array : arrays)
    append(array.name, "F32", array.shape, array.values.data(), array.values.size_bytes());
  append(std::string(kObserver), "U8", {static_cast<std::int64_t>(observer.size())}, observer.data(),
         observer.size());
  header["__metadata__"]["sha256"] = digest_of(header, data);

  std::string text = dump_json(header);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  const std::uint64_t length = text.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof length);
  file.reserve(file.size() + text.size() + data.size());
  return file.append(text).append(data);
}

Result<Checkpoint> parse_checkpoint(std::string_view bytes) {
  auto checkpoint = read_checked(bytes);
  if (!checkpoint && checkpoint.error().code != Code::kDataLoss) return damaged(checkpoint.error().message);
  return checkpoint;
}

}  // namespace amas::engine::torch_lstm
