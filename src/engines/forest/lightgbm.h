#pragma once

#include <string_view>

#include "engines/forest/forest.h"

namespace amas::engines::forest {

/// Reads a model of LightGBM in its text format (version v3 or v4): numerical and categorical splits, all
/// kinds of missing values, several classes, DART and random forests.
///
/// The forest's margins have the bits of the library's raw scores for dense rows. It has passed validate().
/// Errors: kUnimplemented naming an objective that is not known, or that leaves are linear models;
///         kInvalidArgument naming the tree or line and what is wrong with it; kResourceExhausted beyond
///         limits::kDocumentBytesMax.
/// Threads: any.
Result<Forest> read_lightgbm(std::string_view text);

}  // namespace amas::engines::forest
