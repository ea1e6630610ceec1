#include "engines/sequence/head.h"

#include <algorithm>
#include <cmath>

namespace amas::engines::sequence {
namespace {

void softmax(std::span<double> values) {
  const double largest = *std::ranges::max_element(values);
  double sum = 0;
  for (double& value : values) sum += value = std::exp(value - largest);
  for (double& value : values) value /= sum;
}

void activate(Activation activation, std::span<double> values) {
  if (activation == Activation::kSoftmax) return softmax(values);
  for (double& value : values) value = activated(activation, value);
}

}  // namespace

double activated(Activation activation, double value) {
  if (activation == Activation::kRelu) return std::max(value, 0.0);
  if (activation == Activation::kTanh) return std::tanh(value);
  if (activation == Activation::kSigmoid) return 1 / (1 + std::exp(-value));
  return value;
}

void run_head(std::span<const DenseLayer> head, std::span<const float> values, std::span<float> result) {
  thread_local std::vector<double> input, sums;  // a row allocates nothing
  input.assign(values.begin(), values.end());
  for (const DenseLayer& layer : head) {
    sums.assign(layer.bias.begin(), layer.bias.end());
    const float* weights = layer.kernel.data();
    for (const double value : input)
      for (double& sum : sums) sum += value * static_cast<double>(*weights++);
    activate(layer.activation, sums);
    input.swap(sums);
  }
  std::ranges::transform(input, result.begin(), [](double value) { return static_cast<float>(value); });
}

}  // namespace amas::engines::sequence
