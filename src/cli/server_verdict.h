#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"
#include "cli/http_client.h"
#include "store/store.h"

namespace amas::cli {

/// What a server made of a deployment.
enum class Verdict {
  kServes,   ///< it answers with all versions that are wanted
  kLoading,  ///< it has not loaded them yet
};

/// Waits until the server has taken up this deployment (its generation or a later one) and has loaded what it
/// wants, at most ten seconds.
///
/// Errors: when a version could not be loaded, that error, with what answers in its place; kUnavailable when
/// the server does not answer.
Result<Verdict> wait_for_verdict(const RunningServer& server, const store::Deployment& deployment);

/// What the server says of its deployments (GET /api/v1/deployments): a list of objects.
///
/// Errors: kUnavailable when it does not answer.
Result<std::vector<Json>> deployments_of(const RunningServer& server);

/// "version 2 (int8)  ready", "version 2 (int8)  failed: …" of a version as the server describes it.
std::string version_text(const Json& version);

}  // namespace amas::cli
