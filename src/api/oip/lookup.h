#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "model/manifest.h"
#include "serve/control.h"
#include "serve/service.h"

namespace amas::oip {

/// A model as requests name it.
struct ModelName {
  std::string model;
  std::optional<std::int64_t> version;  ///< none: the default one
};

/// Reads a version as paths and messages give it.
///
/// Errors: kInvalidArgument, in Triton's words, when it is no whole number from 1 up.
Result<std::int64_t> read_version(std::string_view text);

/// The manifest of a model.
///
/// Errors: kNotFound in Triton's words; kUnavailable while loading.
Result<std::shared_ptr<const model::Manifest>> find_manifest(const serve::ModelService& service,
                                                             const ModelName& name);

/// Whether a model answers.
bool is_ready(const serve::ModelService& service, const ModelName& name);

/// Its metadata, as GET /v2/models/{model}[/versions/{version}] gives them: of all versions that answer, or
/// of the one that was named.
///
/// Errors: those of find_manifest.
Result<Json> describe_model(const serve::ModelService& service, const ModelName& name);

/// Its configuration.
///
/// Errors: those of find_manifest.
Result<Json> describe_config(const serve::ModelService& service, const ModelName& name);

/// Its statistics, as GET /v2/models[/{model}[/versions/{version}]]/stats gives them; an empty name: of all.
///
/// Errors: kInvalidArgument, in Triton's words, when it is not there.
Result<Json> describe_statistics(const serve::ModelService& service, const ModelName& name);

/// The index: one entry a version of each deployment, and where models can be loaded, the name of each that
/// is not; `only_ready` leaves out all that do not serve.
///
/// Errors: those of `control`, which may be null.
Result<Json> describe_index(const serve::ModelService& service, const serve::DeploymentControl* control,
                            bool only_ready);

/// The error of clients that load or unload models where they may not.
Error no_control();

}  // namespace amas::oip
