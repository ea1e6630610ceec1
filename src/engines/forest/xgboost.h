#pragma once

#include <string_view>

#include "engines/forest/forest.h"

namespace amas::engines::forest {

/// Reads a model file of XGBoost (1.6 or newer), in JSON or UBJSON: boosters gbtree and dart, with
/// categories, several classes or targets, and leaf vectors as of 3.2.
///
/// The forest's margins have the bits of the library's; what is missing is NaN. It has passed validate().
/// Errors: kUnimplemented naming a booster or objective that is not known; kInvalidArgument naming the tree
/// and
///         what is wrong with it; kResourceExhausted beyond the limits on JSON documents.
/// Threads: any.
Result<Forest> read_xgboost(std::string_view bytes);

}  // namespace amas::engines::forest
