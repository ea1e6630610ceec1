#pragma once

#include <map>
#include <string>

#include "engine/engine.h"
#include "onnx.pb.h"

namespace amas::model {

/// The graph's inputs whose integers pick rows of a constant table (the ids of words, say), with the ids that
/// the table has: 0 to its rows - 1. ONNX lets negative ones count from the table's end; a client that sends
/// one has made a mistake. An input that several tables read has the range that all of them have.
///
/// `graph`: nodes in the order in which they run, as ONNX wants them. A table is found where the input
/// reaches Gather as it is, or turned, reshaped or cast.
std::map<std::string, engine::ValueRange> index_ranges(const onnx::GraphProto& graph);

}  // namespace amas::model
