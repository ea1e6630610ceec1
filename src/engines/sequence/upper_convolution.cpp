#include "engines/sequence/upper_convolution.h"

#include <algorithm>
#include <cmath>

namespace amas::engines::sequence {
namespace {

constexpr int kGates = gates_of(Cell::kLstm);
constexpr int kColumns = kGates * kBlock;  // that the fold takes at once

/// What a filter multiplies with all that a step reads.
std::vector<double> column_of(const Convolution& from, int filter, int real_channels, int channels) {
  std::vector<double> column(static_cast<std::size_t>(from.width * channels));
  for (int tap = 0; tap < from.width; ++tap)
    for (int i = 0; i < real_channels; ++i)
      column[static_cast<std::size_t>(tap * channels + i)] = static_cast<double>(
          from.kernel[static_cast<std::size_t>((tap * from.filters + filter) * real_channels + i)]);
  return column;
}

/// Values up to this are taken for 0: what would scale them up is no float.
constexpr float kSmallest = 1e-30F;

/// The steps in 16 bits, as large as they can be. Returns what a state of 1 is worth; 0 where all are 0.
float quantise(const Kernels& kernels, const Steps& steps, float largest, AlignedBytes& to) {
  const auto floats = [&](int count) {
    return static_cast<std::size_t>(count) * static_cast<std::size_t>(steps.width);
  };
  to = AlignedBytes(floats(steps.front + steps.count + steps.behind) * sizeof(std::int16_t));
  if (largest <= kSmallest) return 0;
  kernels.to_int16(steps.begin(), floats(steps.count), kInt16State / largest,
                   reinterpret_cast<std::int16_t*>(to.data()) + floats(steps.front));
  return largest;
}

}  // namespace

int columns_of(const UpperConvolution& upper) { return upper.cell.blocks * kColumns; }

Result<UpperConvolution> pack_convolution(const Convolution& convolution, int real_channels, int channels,
                                          Precision precision) {
  UpperConvolution upper;
  upper.convolution = convolution;
  upper.convolution.kernel = {};
  const Precision stored = precision == Precision::kFloat32 ? precision : Precision::kInt16;
  const int bytes = state_bytes(stored), inputs = convolution.width * channels, per_group = 4 / bytes;
  // Half of the sum's range is left for the rounding of weights.
  if (stored == Precision::kInt16 && inputs > INT32_MAX / 2 / static_cast<int>(kInt16State))
    return unimplemented("a convolution over another reads too much for this precision");
  const int blocks = (convolution.filters + kColumns - 1) / kColumns;
  const auto columns = static_cast<std::size_t>(blocks * kColumns);
  upper.weights = AlignedBytes(columns * static_cast<std::size_t>(inputs * bytes));
  upper.scales = AlignedBytes(columns * sizeof(float));
  upper.bias = AlignedBytes(columns * sizeof(float));
  std::ranges::copy(convolution.bias, reinterpret_cast<float*>(upper.bias.data()));
  const WeightsLayout layout{kGates, blocks, inputs / per_group};
  for (int filter = 0; filter < convolution.filters; ++filter) {
    const auto column = column_of(convolution, filter, real_channels, channels);
    const double steps = weights_a_unit(column, stored);
    reinterpret_cast<float*>(upper.scales.data())[filter] =
        static_cast<float>(1 / (steps * static_cast<double>(kInt16State)));
    for (int i = 0; i < inputs; ++i) {
      const std::size_t at = layout.at_column(filter, i / per_group) * static_cast<std::size_t>(per_group) +
                             static_cast<std::size_t>(i % per_group);
      const double value = column[static_cast<std::size_t>(i)];
      if (stored == Precision::kFloat32)
        reinterpret_cast<float*>(upper.weights.data())[at] = static_cast<float>(value);
      else
        reinterpret_cast<std::int16_t*>(upper.weights.data())[at] =
            static_cast<std::int16_t>(std::lround(value * steps));
    }
  }
  upper.cell = {.precision = stored,
                .blocks = blocks,
                .input_groups = inputs / per_group,
                .weights = upper.weights.data(),
                .input_stride = static_cast<std::size_t>(channels * bytes)};
  return upper;
}

float* Steps::begin() const {
  return reinterpret_cast<float*>(values.data()) +
         static_cast<std::size_t>(front) * static_cast<std::size_t>(width);
}

Steps zero_steps(int count, int width, const Convolution* next, Ends ends) {
  Steps steps{.count = count,
              .width = width,
              .front = next != nullptr && ends.front ? next->front : 0,
              .behind = next != nullptr && ends.behind ? next->behind : 0};
  steps.values = AlignedBytes(static_cast<std::size_t>(steps.front + count + steps.behind) *
                              static_cast<std::size_t>(width) * sizeof(float));
  return steps;
}

Steps run_convolution(const UpperConvolution& upper, const Kernels& kernels, Activation below, Steps steps,
                      const Convolution* next, Ends ends) {
  const auto values = static_cast<std::size_t>(steps.count) * static_cast<std::size_t>(steps.width);
  const float largest = kernels.activate(below, steps.begin(), values);
  Steps sums = zero_steps(steps.front + steps.count + steps.behind - upper.convolution.width + 1,
                          columns_of(upper), next, ends);
  PackedCell cell = upper.cell;
  cell.input = steps.values.data();
  AlignedBytes quantised;
  std::vector<float> scales;
  if (cell.precision == Precision::kInt16) {
    const float unit = quantise(kernels, steps, largest, quantised);
    const std::span from(reinterpret_cast<const float*>(upper.scales.data()),
                         upper.scales.size() / sizeof(float));
    for (const float scale : from) scales.push_back(scale * unit);
    cell.input = quantised.data();
    cell.scales = scales.data();
  }
  kernels.fold(cell, reinterpret_cast<const float*>(upper.bias.data()), static_cast<std::size_t>(sums.count),
               false, sums.begin());
  return sums;
}

}  // namespace amas::engines::sequence
