#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/manifest.h"
#include "serve/service.h"

namespace amas::tfs {

/// TensorFlow Serving's name of a version's state, such as "AVAILABLE".
std::string_view state_name(serve::VersionState state);

/// The version that is meant; none when none was named.
///
/// Errors: kInvalidArgument for a label that no version has.
Result<std::optional<std::int64_t>> number_of(const serve::DeploymentStatus& status,
                                              const serve::VersionChoice& choice);

/// The reply to GET /v1/models/{model}: TensorFlow Serving's `model_version_status`, OpenAI's `id`, `object`,
/// `created`, `owned_by`, and KServe's `name`, `ready`. `version`: only that one is listed. `created_s`: when
/// serving began, seconds since 1970.
///
/// Errors: kNotFound when the deployment has no such version.
Result<Json> status_document(const serve::DeploymentStatus& status, std::optional<std::int64_t> version,
                             std::int64_t created_s);

/// The reply to GET /v1/models: OpenAI's `object`, `data`, and KServe's `models`.
Json list_document(const std::vector<serve::DeploymentStatus>& all, std::int64_t created_s);

/// The reply to GET /v1/models/{model}/metadata.
Json metadata_document(std::string_view model, std::int64_t version, const model::Manifest& manifest);

}  // namespace amas::tfs
