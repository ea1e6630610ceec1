#include "telemetry/trace.h"

#include <algorithm>

namespace amas::telemetry {
namespace {

constexpr std::size_t kRequestIdBytesMax = 128;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

}  // namespace

std::optional<TraceParent> parse_traceparent(std::string_view header) {
  constexpr std::size_t kLength = 55;
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-')
    return std::nullopt;
  const std::string_view version = header.substr(0, 2);
  if (!is_hex(version) || version == "ff") return std::nullopt;
  if (header.size() > kLength && (version == "00" || header[kLength] != '-')) return std::nullopt;
  const TraceParent parent{header.substr(3, 32), header.substr(36, 16), header.substr(53, 2)};
  if (!is_hex(parent.trace_id) || !is_hex(parent.span_id) || !is_hex(parent.flags)) return std::nullopt;
  if (is_zero(parent.trace_id) || is_zero(parent.span_id)) return std::nullopt;
  return parent;
}

bool request_id_is_plain(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytesMax &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

IdSource::IdSource() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
  random_.seed(seed);
}

void IdSource::make(std::size_t digits, std::string& id) {
  id.resize(digits);
  for (std::size_t i = 0; i < digits; i += 16) {
    std::uint64_t bits = random_() | (i == 0 ? 1 : 0);
    for (std::size_t j = 0; j < 16; ++j, bits >>= 4) id[i + j] = "0123456789abcdef"[bits & 15];
  }
}

}  // namespace amas::telemetry
