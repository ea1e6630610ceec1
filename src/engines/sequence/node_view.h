#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/sequence/computed.h"
#include "onnx.pb.h"

namespace amas::engines::sequence {

/// A node of a graph, with what can be read at it.
struct NodeView {
  const Known& known;
  const onnx::NodeProto& node;

  /// Whether this input is given.
  bool has(int input) const { return input < node.input_size() && !node.input(input).empty(); }
  /// The constant that is this input; null when it is none.
  const onnx::TensorProto* constant(int input) const;
  /// What this input is where it was computed from shapes, or is a constant of whole numbers of at most one
  /// axis or of zeros; nothing otherwise.
  std::optional<Computed> computed(int input) const;
  /// The elements of a constant input of finite floats.
  ///
  /// Errors: kUnimplemented when it is something else; kInvalidArgument when it is malformed.
  Result<std::vector<float>> floats(int input) const;
  /// Integers from the attribute of this name, where older opsets have them, or from an input that is
  /// constant or was computed from sizes that are all known.
  ///
  /// Errors: as floats.
  Result<std::vector<std::int64_t>> integers(int input, std::string_view attribute) const;
  /// Sizes from an input that is constant or was computed.
  ///
  /// Errors: as floats.
  Result<std::vector<Size>> sizes(int input) const;
  /// Why this node is nothing that is known here: kUnimplemented.
  Error other(std::string_view why) const;
};

}  // namespace amas::engines::sequence
