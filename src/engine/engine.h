#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tensor/tensor.h"

namespace amas::engine {

/// The smallest and the largest value that the elements of an integer tensor may have, both allowed.
struct ValueRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
  bool operator==(const ValueRange&) const = default;
};

/// Name, dtype and shape of one input or output. In `shape`, -1 is any size; as a rule the first dimension is
/// the batch. `range` is for integers alone; none: any value.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  std::optional<ValueRange> range{};
};

/// Checks that `tensors` are what `specs` say, in the same order: count, dtype, rank, fixed dimensions, range
/// of values.
///
/// Errors: kInvalidArgument naming the tensor, what it is and what it must be; of a value beyond the range
/// its
///         row, too, counted from 0.
Status check_types(std::span<const TensorSpec> specs, std::span<const TensorView> tensors);

/// The same, and that all have the same rows, at least one.
Status check_inputs(std::span<const TensorSpec> specs, std::span<const TensorView> tensors);

/// How to load a model.
struct LoadOptions {
  /// Threads that one run may use. 1 unless measured to be better: serving runs requests side by side.
  int threads = 1;
  /// Which engine of an EngineSet loads it; empty: the first. Other engines do not read this.
  std::string engine{};
  /// How exactly an engine that offers a choice (Engine::precisions) computes; empty: its own default.
  std::string precision{};
};

/// A model over sparse features that takes a row of them as it is, where LoadedModel::run() would want it
/// padded and in tensors.
class SparseScorer {
 public:
  virtual ~SparseScorer() = default;
  /// How many scores a row has.
  virtual std::size_t classes() const = 0;
  /// Scores one row, as run() does, into `scores`, classes() long; allocates nothing. Indices are those of
  /// the graph.
  ///
  /// Errors: kInvalidArgument for an index outside the model. Threads: safe to call from several at once.
  virtual Status score(const SparseRow& row, std::span<float> scores) const = 0;
};

/// A model in memory, ready to run.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  /// What run() takes, in order.
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  /// What run() returns, in order.
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  /// Runs one batch.
  ///
  /// `inputs`: in the order of inputs(); where all inputs have a batch it is dim 0, N >= 1. Borrowed for the
  /// call only. Returns the outputs in the order of outputs(), where they have a batch with dim 0 = N.
  /// Errors: kInvalidArgument when a shape or dtype differs from inputs(); kResourceExhausted when memory is
  /// refused;
  ///         kInternal when the engine fails. After an error the model can still be used.
  /// Threads: safe to call from several at once.
  virtual Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) = 0;
  /// The same model for rows that are not in tensors; lives as long as this. Null where it wants tensors.
  virtual const SparseScorer* sparse_scorer() const { return nullptr; }
};

/// Something that loads and runs model files.
class Engine {
 public:
  virtual ~Engine() = default;
  /// A fixed short name, such as "onnxruntime".
  virtual std::string_view name() const = 0;
  /// The version of the library behind it.
  virtual std::string version() const = 0;
  /// The precisions that it offers here, best first; none where there is no choice.
  virtual std::vector<std::string> precisions() const { return {}; }
  /// The precision that a model loaded like this computes with here: another one than asked for where the
  /// processor lacks instructions for it.
  virtual std::string runs_as(const LoadOptions& options) const { return options.precision; }
  /// Loads an ONNX model from its bytes (borrowed for the call only).
  ///
  /// Errors: kInvalidArgument when it is not a valid model; kUnimplemented when it needs an operator or type
  /// that this
  ///         engine lacks; kResourceExhausted.
  /// Threads: safe to call from several at once.
  virtual Result<std::unique_ptr<LoadedModel>> load(std::string_view onnx, const LoadOptions& options) = 0;
};

}  // namespace amas::engine
