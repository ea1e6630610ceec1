#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace amas::cli {

/// Adds the option `--version` of a model, or of what `list` lists; what is no whole number from 1 up is
/// refused.
void add_version_option(CLI::App& command, std::optional<std::int64_t>& version,
                        const std::string& list = "amas model list");

/// The version that a user names: by its number, or the newest.
///
/// Errors: kNotFound naming the models or versions that there are.
Result<store::ModelVersion> find_version(const store::Store& store, const std::string& model,
                                         std::optional<std::int64_t> version);

}  // namespace amas::cli
