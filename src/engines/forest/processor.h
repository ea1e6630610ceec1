#pragma once

#include <string_view>
#include <vector>

#include "engines/forest/shallow_node.h"

namespace amas::engines::forest {

/// The block walks that this processor can run, the quickest last; empty where it can run none.
std::vector<const BlockWalks*> block_walks();

/// The name of the quickest: "avx512", "avx2", or "portable" where trees are walked row by row.
std::string_view processor_path();

}  // namespace amas::engines::forest
