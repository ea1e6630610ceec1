#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "telemetry/event_file.h"
#include "telemetry/protobuf_wire.h"

/// The payloads of TensorBoard's plugins, as messages; docs/formats/tensorboard.md lists their fields.
namespace amas::telemetry {

/// TensorProto of one float.
MessageWriter scalar_tensor(double value);

/// TensorProto of one string.
MessageWriter text_tensor(const std::string& text);

/// TensorProto without an element, for values that are all metadata.
MessageWriter empty_tensor();

/// TensorProto [30,3] of left edge, right edge and count of equal buckets; values that are not finite are
/// left out.
MessageWriter histogram_tensor(std::span<const float> values);

/// TensorProto [6,thresholds]: true and false positives, true and false negatives, precision, recall. A row
/// counts as positive at threshold t when its score is at least t.
MessageWriter pr_curve_tensor(std::span<const float> scores, std::span<const std::uint8_t> truth,
                              int thresholds);

/// PrCurvePluginData.
MessageWriter pr_curve_content(int thresholds);

/// GraphDef.
MessageWriter graph_def(const std::vector<GraphNode>& nodes);

/// HParamsPluginData with what a run starts with.
MessageWriter hparams_start_content(const Json& settings, const std::string& group, double wall_seconds);

/// HParamsPluginData with how a run ended.
MessageWriter hparams_end_content(bool success, double wall_seconds);

/// HParamsPluginData with the union of the settings and metrics of all runs.
MessageWriter hparams_experiment_content(std::span<const HyperParameters> runs, double wall_seconds);

}  // namespace amas::telemetry
