#pragma once

// For tests: small graphs, and the engines of the server.

#include <memory>
#include <string>
#include <vector>

#include "engine/engine_set.h"
#include "onnx.pb.h"

namespace amas::convert {

/// y = x·w + b over x [N,3] → y [N,2], w = [[1,2],[3,4],[5,6]], b = [10,20].
onnx::ModelProto affine_model();

/// A classifier as scikit-learn's converter writes them: x [N,2] → label STRING [N], and a list of maps from
/// "ham" and "spam" to scores.
onnx::ModelProto zip_map_model();

/// ONNX Runtime and the compiled engines.
std::unique_ptr<engine::EngineSet> test_engines();

}  // namespace amas::convert
