#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "onnx.pb.h"

namespace amas::engines::sequence {

/// A size: `count`, or `count` times the size of an axis that is not known before rows come.
struct Size {
  std::int64_t count = 0;
  char of = '1';  ///< 'N': times the rows; 'T': times the tokens of a row; '1': times nothing
  bool operator==(const Size&) const = default;
};

/// A tensor that a graph computes from the shapes of others: whole numbers, or floats that are all 0.
struct Computed {
  std::vector<Size> dims{};
  bool zeros = false;           ///< all 0, whatever the size
  std::vector<Size> numbers{};  ///< where they are not: as many as dims say, which has one axis or none
};

/// What of a graph is known before rows come. `constants` point into the graph.
struct Known {
  std::map<std::string, const onnx::TensorProto*, std::less<>> constants{};
  std::map<std::string, Computed, std::less<>> computed{};
};

}  // namespace amas::engines::sequence
