#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"

namespace amas::convert {

/// How inputs of a graph are made up.
struct ExampleKind {
  std::int64_t open_size = 1;     ///< of dimensions behind the first that may have any size
  std::int64_t integers_end = 2;  ///< whole numbers are drawn from [0, integers_end)
};

/// Makes up inputs: floats around zero of several scales, words for strings. The same seed gives the same
/// values.
///
/// `rows`: size of first dimensions that may have any size.
std::vector<Tensor> example_inputs(const std::vector<engine::TensorSpec>& specs, std::int64_t rows,
                                   const ExampleKind& kind, std::uint64_t seed);

/// Finds out by trying what inputs a graph can run on: which size open dimensions may have, and how large
/// whole numbers (that may be indices of a table) may be.
///
/// Errors: kFailedPrecondition when it runs on none of those tried, with the last reason.
Result<ExampleKind> find_example_kind(engine::LoadedModel& graph);

}  // namespace amas::convert
