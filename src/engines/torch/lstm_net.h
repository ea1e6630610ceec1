#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engines/torch/initial_weights.h"
#include "engines/torch/lstm_settings.h"
#include "tensor/tensor.h"

namespace amas::engine::torch_lstm {

/// What one optimiser step saw.
struct StepReport {
  double loss = 0;           ///< mean over the rows, before the step
  double gradient_norm = 0;  ///< over all parameters, before clipping
};

/// One parameter as it lies in memory; valid while the net lives, its content until the next call that
/// changes it.
struct ParameterView {
  std::string name;
  Shape shape;
  std::span<float> weights;
  std::span<float>
      scored;  ///< what logits() computes with: the average of the weights if asked for, else the weights
  std::span<float> gradients;  ///< of the last step, as applied (clipped); zeros before the first
  std::span<float> first;      ///< Adam's moving mean of gradients
  std::span<float> second;     ///< Adam's moving mean of their squares
};

/// How many steps lie between two updates of the average.
inline constexpr std::uint64_t kAverageSteps = 8;

/// Embedding → dropout → LSTM → dense layer with its Adam state, on libtorch, which no header shows.
/// Threads: one at a time. The number of threads it computes with is the process's (libtorch has one
/// setting).
class LstmNet {
 public:
  /// Takes starting weights in the order of Parameter. The first call opens libtorch (about 80 MB, 0.2 s), so
  /// that a job that needs none of it does not pay for it.
  ///
  /// Errors: kNotFound when the library (base/install.h) is not there; kResourceExhausted when memory is
  /// refused; kInternal when libtorch fails.
  static Result<std::unique_ptr<LstmNet>> create(const LstmSettings& settings,
                                                 const std::vector<NamedTensor>& weights);
  virtual ~LstmNet() = default;

  /// One step of Adam, and with settings.average every kAverageSteps steps one of polynomial-decay averaging
  /// (Shamir and Zhang 2013): update n moves the average by 9 / (n + 9) of its way to the weights, so that
  /// about the last ninth of training counts. `tokens`: row-major [targets.size(), length]; `number`: which
  /// step, from 0; dropout depends on it.
  ///
  /// Errors: kResourceExhausted, kInternal as create. A loss that is not finite is no error here; the weights
  /// are then left as they were.
  virtual Result<StepReport> step(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                                  std::uint64_t number) = 0;

  /// The last layer's output for each row, before sigmoid or softmax: row-major [rows, dense]. Any number of
  /// rows.
  ///
  /// Errors: as step.
  virtual Result<std::vector<float>> logits(std::span<const std::int32_t> tokens) = 0;

  /// The parameters in the order of Parameter.
  virtual std::vector<ParameterView> parameters() = 0;
  /// Tells Adam how many steps its moments have seen, after these were set through parameters().
  virtual void set_steps(std::int64_t steps) = 0;
};

/// Version of libtorch; opens nothing.
std::string torch_version();

}  // namespace amas::engine::torch_lstm
