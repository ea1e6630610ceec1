#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/forest/forest.h"
#include "onnx.pb.h"

namespace amas::convert {

/// What a booster does with a column before it compares it, which ONNX's trees do not.
struct Columns {
  std::vector<std::uint8_t> floored;       ///< 1: categories of XGBoost, rounded down
  std::vector<std::uint8_t> truncated;     ///< 1: categories of LightGBM, rounded towards zero
  std::vector<std::uint8_t> zero_missing;  ///< 1: zeros are missing values
  std::vector<std::uint8_t> mixed;         ///< 1: splits of the column differ in that
};

/// Finds out about every column of a forest.
Columns columns_of(const engines::forest::Forest& forest);

/// Errors: kUnimplemented naming a column whose splits differ.
Status check_columns(const Columns& columns);

/// Rewrites the forest's tests as those of rows that are prepared already.
void say_plainly(engines::forest::Forest& forest);

/// Puts the preparation in front of the trees of a graph, which read `features`. `wide`: rows are doubles.
void prepare_columns(const Columns& columns, bool wide, onnx::GraphProto& graph);

/// Gives a value that nodes of the graph give and take another name.
void rename_value(onnx::GraphProto& graph, std::string_view from, std::string_view to);

}  // namespace amas::convert
