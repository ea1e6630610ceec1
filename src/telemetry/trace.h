#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace amas::telemetry {

/// The parts of a W3C traceparent header; borrowed from it.
struct TraceParent {
  std::string_view trace_id;  ///< 32 lower-case hex digits, not all zero
  std::string_view span_id;   ///< 16, the caller's
  std::string_view flags;     ///< 2
};

/// Reads a traceparent header. Nothing when it is malformed, as the recommendation wants: then a new trace
/// begins. Source: W3C Trace Context, section 3.2 (versions above 00 may be longer; version ff is invalid).
std::optional<TraceParent> parse_traceparent(std::string_view header);

/// Whether a client's request id is taken over: 1 to 128 printable ASCII characters without quote, backslash
/// or space.
bool request_id_is_plain(std::string_view id);

/// Makes ids for traces, spans and requests. Unique, not secret. Threads: one.
class IdSource {
 public:
  IdSource();
  /// Writes `digits` hex digits (a multiple of 16) into `id`, not all zero.
  void make(std::size_t digits, std::string& id);

 private:
  std::mt19937_64 random_;
};

}  // namespace amas::telemetry
