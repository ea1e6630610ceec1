#pragma once

#include <memory>

#include "engine/engine.h"

namespace amas::engines {

/// Our own scorer of tree ensembles ("forest"). Loads ONNX graphs of one TreeEnsembleClassifier,
/// TreeEnsembleRegressor or TreeEnsemble with nothing around it but casts and identities, takes what ONNX
/// Runtime takes and answers with the same bits.
///
/// load() returns kUnimplemented for every other graph, and for trees of which it is not certain what ONNX
/// Runtime would make of them.
std::unique_ptr<engine::Engine> open_forest_engine();

}  // namespace amas::engines
