#include "telemetry/event_plugins.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace amas::telemetry {
namespace {

enum DataType : std::int64_t { kFloat = 1, kDouble = 2, kString = 7 };

constexpr std::size_t kBuckets = 30;

template <class T>
void append_raw(std::string& out, T value) {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  const auto bits = std::bit_cast<Bits>(value);
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(bits >> (8 * i) & 0xFF);
}

// TensorProto{1 dtype, 2 tensor_shape{2 dim{1 size}}}
MessageWriter tensor(DataType type, std::initializer_list<std::int64_t> shape) {
  MessageWriter dims;
  for (const std::int64_t size : shape) dims.message(2, MessageWriter().integer(1, size));
  return MessageWriter().integer(1, type).message(2, dims);
}

// HParamsPluginData{1 version = 0, `field` …}
MessageWriter hparams_data(std::uint32_t field, const MessageWriter& value) {
  return MessageWriter().message(field, value);
}

// google.protobuf.Value{2 number, 3 string, 4 bool}; anything deeper is shown as its JSON.
MessageWriter setting_value(const Json& value) {
  if (value.is_number()) return MessageWriter().real(2, value.get<double>());
  if (value.is_boolean()) return MessageWriter().integer(4, value.get<bool>());
  if (value.is_string()) return MessageWriter().bytes(3, value.get_ref<const std::string&>());
  return MessageWriter().bytes(3, dump_json(value));
}

// DataType of api.proto: 1 string, 2 bool, 3 number.
int setting_type(const Json& value) { return value.is_number() ? 3 : value.is_boolean() ? 2 : 1; }

}  // namespace

MessageWriter scalar_tensor(double value) { return tensor(kFloat, {}).real32(5, static_cast<float>(value)); }

MessageWriter text_tensor(const std::string& text) { return tensor(kString, {}).bytes(8, text); }

MessageWriter empty_tensor() { return tensor(kFloat, {0}); }

MessageWriter histogram_tensor(std::span<const float> values) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, double{value});
    high = std::max(high, double{value});
  }
  if (low > high) low = high = 0;  // nothing finite
  std::array<double, kBuckets> counts{};
  const double width = (high - low) / kBuckets;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    // Where all values are equal TensorBoard wants every edge equal and the whole count in the last bucket.
    const std::size_t bucket = width > 0 ? static_cast<std::size_t>((value - low) / width) : kBuckets;
    counts[std::min(bucket, kBuckets - 1)] += 1;
  }
  std::string content;
  content.reserve(kBuckets * 3 * sizeof(double));
  for (std::size_t i = 0; i < kBuckets; ++i) {
    append_raw(content, low + width * static_cast<double>(i));
    append_raw(content, i + 1 == kBuckets ? high : low + width * static_cast<double>(i + 1));
    append_raw(content, counts[i]);
  }
  return tensor(kDouble, {kBuckets, 3}).bytes(4, content);
}

MessageWriter pr_curve_tensor(std::span<const float> scores, std::span<const std::uint8_t> truth,
                              int thresholds) {
  // Rows by the highest threshold that they reach; summing from the top gives the positives at each
  // threshold.
  const auto size = static_cast<std::size_t>(thresholds);
  std::vector<double> reached_true(size), reached_false(size);
  double positives = 0, negatives = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double score = scores[i] > 0 ? std::min(double{scores[i]}, 1.0) : 0.0;  // NaN counts as 0
    const auto highest = static_cast<std::size_t>(std::floor(score * (thresholds - 1)));
    (truth[i] ? reached_true : reached_false)[highest] += 1;
    (truth[i] ? positives : negatives) += 1;
  }
  for (std::size_t i = size - 1; i-- > 0;) {
    reached_true[i] += reached_true[i + 1];
    reached_false[i] += reached_false[i + 1];
  }
  std::string content;
  const auto row = [&](auto value) {
    for (std::size_t i = 0; i < size; ++i) append_raw(content, static_cast<float>(value(i)));
  };
  const auto share = [](double part, double whole) { return whole > 0 ? part / whole : 0; };
  row([&](std::size_t i) { return reached_true[i]; });
  row([&](std::size_t i) { return reached_false[i]; });
  row([&](std::size_t i) { return negatives - reached_false[i]; });
  row([&](std::size_t i) { return positives - reached_true[i]; });
  row([&](std::size_t i) { return share(reached_true[i], reached_true[i] + reached_false[i]); });
  row([&](std::size_t i) { return share(reached_true[i], positives); });
  return tensor(kFloat, {6, thresholds}).bytes(4, content);
}

MessageWriter pr_curve_content(int thresholds) { return MessageWriter().integer(2, thresholds); }

MessageWriter graph_def(const std::vector<GraphNode>& nodes) {
  constexpr std::int64_t kProducer =
      22;  // the version from which TensorFlow's own graphs have not changed for us
  MessageWriter graph;
  for (const GraphNode& node : nodes) {
    MessageWriter message;
    message.bytes(1, node.name).bytes(2, node.operation);
    for (const std::string& input : node.inputs) message.bytes(3, input);
    graph.message(1, message);
  }
  return graph.message(4, MessageWriter().integer(1, kProducer));
}

MessageWriter hparams_start_content(const Json& settings, const std::string& group, double wall_seconds) {
  MessageWriter start;
  for (const auto& [name, value] : settings.items())
    if (!value.is_null()) start.message(1, MessageWriter().bytes(1, name).message(2, setting_value(value)));
  return hparams_data(3, start.bytes(4, group).real(5, wall_seconds));
}

MessageWriter hparams_end_content(bool success, double wall_seconds) {
  return hparams_data(4, MessageWriter().integer(1, success ? 1 : 2).real(2, wall_seconds));
}

MessageWriter hparams_experiment_content(std::span<const HyperParameters> runs, double wall_seconds) {
  std::map<std::string, int> types;
  std::vector<std::string> metrics;
  for (const HyperParameters& run : runs) {
    for (const auto& [name, value] : run.settings.items()) {
      if (value.is_null()) continue;
      const int type = setting_type(value);
      const auto [at, fresh] = types.try_emplace(name, type);
      if (!fresh && at->second != type) at->second = 1;
    }
    for (const std::string& tag : run.metric_tags)
      if (std::find(metrics.begin(), metrics.end(), tag) == metrics.end()) metrics.push_back(tag);
  }
  MessageWriter experiment;
  experiment.real(3, wall_seconds);
  for (const auto& [name, type] : types)
    experiment.message(4, MessageWriter().bytes(1, name).integer(4, type));
  for (const std::string& tag : metrics)
    experiment.message(5, MessageWriter().message(1, MessageWriter().bytes(2, tag)));
  return hparams_data(2, experiment);
}

}  // namespace amas::telemetry
