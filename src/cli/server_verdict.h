#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/http_client.h"
#include "store/store.h"

namespace amas::cli {

/// What a server made of a change of deployments.
enum class Verdict {
  kDone,    ///< it serves what is wanted, or serves no more what is not
  kBehind,  ///< it has not come so far yet
  kSilent,  ///< it does not answer
};

/// Waits until the server has taken up this deployment (its generation or a later one) and has loaded what it
/// wants, at most ten seconds; not when it is silent.
///
/// Errors: when a version could not be loaded, that error, with what answers in its place.
Result<Verdict> wait_for_verdict(const RunningServer& server, const store::Deployment& deployment);

/// Waits until the server answers no more for this deployment, which has been removed, in the same way.
Result<Verdict> wait_for_removal(const RunningServer& server, const store::Deployment& removed);

/// "ready" and such, as commands show a verdict to machines: `done` when it is kDone.
std::string verdict_name(Verdict verdict, std::string_view done);

/// What a command ends with that has recorded a change which the server has not followed, so that scripts do
/// not count on it: kDeadlineExceeded, with what becomes of it.
Error not_followed_yet(const RunningServer& server, Verdict verdict);

/// What the server says of its deployments (GET /api/v1/deployments): a list of objects.
///
/// Errors: kUnavailable when it does not answer.
Result<std::vector<Json>> deployments_of(const RunningServer& server);

/// "version 2 (int8)  ready", "version 2 (int8)  failed: …" of a version as the server describes it.
std::string version_text(const Json& version);

}  // namespace amas::cli
