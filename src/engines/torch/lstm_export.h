#pragma once

#include <span>
#include <string>
#include <vector>

#include "engines/torch/lstm_net.h"
#include "engines/torch/lstm_settings.h"

namespace amas::engine::torch_lstm {

/// The ONNX graph with these weights; `parameters` in the order of Parameter.
///
/// Errors: kResourceExhausted when the file would be larger than ONNX allows.
Result<std::string> export_net(const LstmSettings& settings, std::span<const ParameterView> parameters);

/// What the last layer's outputs mean, row-major [rows, classes], rows summing to 1: sigmoid for one column,
/// else softmax.
std::vector<float> scores_of(std::span<const float> logits, std::int64_t dense);

/// Mean log loss of the last layer's outputs.
double log_loss_of(std::span<const float> logits, std::span<const std::int32_t> targets, std::int64_t dense);

}  // namespace amas::engine::torch_lstm
