#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace amas::cli {

/// A server that says in its home that it runs.
struct RunningServer {
  std::int64_t pid = 0;
  std::uint16_t port = 0;
};

/// The server of a home; nothing when none runs (a file left by one that was killed does not count).
std::optional<RunningServer> find_server(const std::filesystem::path& home);

/// Sends one request to a server on loopback and returns the body of its answer.
///
/// Errors: kUnavailable when it does not answer within 30 s; for a status of 400 and up the code that fits,
/// with the
///         server's own message.
Result<std::string> call(const RunningServer& server, std::string_view method, const std::string& path,
                         const std::string& body = "");

}  // namespace amas::cli
