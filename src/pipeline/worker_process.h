#pragma once

#include <filesystem>
#include <functional>

#include "base/json.h"
#include "base/result.h"

namespace amas::pipeline {

/// Runs `amas-worker JOB` to its end and hands on each JSON line that it prints (docs/formats/worker.md). The
/// worker dies with this process. Its standard error goes to `job` with the ending ".log".
///
/// Errors: the one that the worker reports; kInternal with the end of its log when it dies without a word
/// (says by which
///         signal; out of memory is guessed from SIGKILL); kUnavailable when it cannot be started.
Status run_worker(const std::filesystem::path& program, const std::filesystem::path& job,
                  const std::function<void(const Json& event)>& on_event);

/// What `amas-worker --version` prints: versions of the libraries it trains with.
Result<Json> worker_version(const std::filesystem::path& program);

}  // namespace amas::pipeline
