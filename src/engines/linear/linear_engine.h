#pragma once

#include <memory>

#include "engine/engine.h"

namespace amas::engines {

/// Runs linear models over sparse features (model::SparseLinear) as what they are: a sum over the features
/// that a row has. load() gives kUnimplemented for every other graph. Sums are in double, so that answers
/// depend neither on the batch nor on the padding.
std::unique_ptr<engine::Engine> make_linear_engine();

}  // namespace amas::engines
