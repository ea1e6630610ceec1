#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "model/manifest.h"
#include "serve/service.h"

namespace amas::oip {

/// The reply to GET /v2.
Json server_document();

/// The reply to GET /v2/models/{model}[/versions/{version}]: inputs and outputs of the signature
/// "serving_default".
Json model_document(std::string_view model, const std::vector<std::int64_t>& versions,
                    const model::Manifest& manifest);

/// The reply to GET /v2/models/{model}/config: what clients that measure look at, in the form of Triton's
/// ModelConfig.
Json config_document(std::string_view model, const model::Manifest& manifest);

/// The reply to POST /v2/repository/index; `only_ready` leaves out versions that do not serve.
Json index_document(const std::vector<serve::DeploymentStatus>& all, bool only_ready);

/// The reply to GET …/stats: one entry a version.
Json statistics_document(const std::vector<serve::VersionStatistics>& all);

}  // namespace amas::oip
