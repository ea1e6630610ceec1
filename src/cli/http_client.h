#pragma once

#include <chrono>
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

/// How long each step of a request may take: for a question that a server answers at once whatever else it
/// does, so that one that hangs is noticed soon; and for one that may make it work.
inline constexpr std::chrono::seconds kQuickPatience{2}, kWorkPatience{30};

/// A request to a server.
struct Question {
  std::string_view method = "GET";
  std::string path{};
  std::string body{};
  std::chrono::seconds patience = kQuickPatience;
};

/// Sends a question to a server on loopback and returns the body of its answer.
///
/// Errors: kUnavailable when it does not answer in time; for a status of 400 and up the code that fits, with
/// the server's own message.
Result<std::string> call(const RunningServer& server, const Question& question);

/// Whether the server answers at all: one may be stopped, or hang.
///
/// Errors: kUnavailable when it does not.
Status check_answers(const RunningServer& server);

}  // namespace amas::cli
