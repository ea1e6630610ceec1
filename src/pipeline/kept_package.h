#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/package.h"
#include "store/store.h"

namespace amas::pipeline {

/// Opens a package that the store keeps; its model.json is checked against the digest, its other files are
/// checked when they are read.
///
/// Errors: kDataLoss when its folder or its model.json is missing or damaged, with what to do; those of
/// Package::open.
Result<model::Package> open_package(const store::Store& store, std::string_view digest);

/// The same, with all files checked: a package that this opens can be served.
///
/// Errors: kDataLoss naming every file that is missing or damaged; those of open_package.
Result<model::Package> open_whole_package(const store::Store& store, std::string_view digest);

/// The variant of a package that is to be served: of those within the allowed drop of accuracy the quickest
/// by what was measured on this machine; of those within a tenth of the quickest the smallest, since that
/// much is noise. The first one where nothing has been measured.
std::string best_variant(const model::Manifest& manifest,
                         const std::vector<store::Measurement>& measurements);

/// The precision in which a variant runs on this machine where that is not its own, such as "int16" for an
/// int8 variant on a processor that lacks the instructions; else empty.
std::string other_precision(const model::Variant& variant, const engine::Engine& engine);

/// The engine that runs a variant: "onnxruntime" where none is named.
std::string engine_of(const model::Variant& variant);

}  // namespace amas::pipeline
