#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace amas::telemetry {

/// One node of a graph for TensorBoard's graph tab.
struct GraphNode {
  std::string name;
  std::string operation;
  std::vector<std::string> inputs;  ///< names of other nodes
};

/// Settings and results of one run for TensorBoard's hparams tab.
struct HyperParameters {
  /// An object of numbers, strings and booleans; null is left out, anything deeper is shown as its JSON.
  Json settings = Json::object();
  /// Tags of scalars in the same run that are its results, such as "test/accuracy"; see hparams_experiment().
  std::vector<std::string> metric_tags;
};

/// Writes one TensorBoard event file; every call appends whole records and flushes, so a reader can follow
/// live. `step` counts optimiser steps. Text must be UTF-8. Errors of all calls: kResourceExhausted on a full
/// disk (the file ends behind its last whole record); kInvalidArgument for a tag that already holds another
/// kind of value; kDataLoss otherwise. Threads: one at a time.
class EventWriter {
 public:
  /// Starts a file "events.out.tfevents.<seconds>.<host>.<pid>.amas" in `folder` (made where missing).
  static Result<EventWriter> create(const std::filesystem::path& folder, const Clock& clock = system_clock());
  /// Goes on with a file after `bytes` of it, cutting off what lies behind (records of a killed attempt).
  ///
  /// A TensorBoard server that had already read what is cut off goes on by itself when the records written
  /// instead are as long, as they are when the same steps run again; otherwise it has to be started again.
  /// Errors: kNotFound; kDataLoss when the first `bytes` are not whole records with right checksums. The file
  ///         stays as it is then.
  static Result<EventWriter> resume(const std::filesystem::path& file, std::uint64_t bytes,
                                    const Clock& clock = system_clock());
  EventWriter(EventWriter&&) noexcept;
  EventWriter& operator=(EventWriter&&) noexcept;
  ~EventWriter();

  /// Where it writes.
  const std::filesystem::path& file() const;
  /// How much it has written.
  std::uint64_t bytes() const;

  /// A number over steps.
  Status scalar(const std::string& tag, std::int64_t step, double value);
  /// The distribution of values over steps (30 buckets).
  Status histogram(const std::string& tag, std::int64_t step, std::span<const float> values);
  /// Markdown.
  Status text(const std::string& tag, std::int64_t step, const std::string& markdown);
  /// Precision-recall curve of binary predictions at `thresholds` (at least 2) equal steps of [0,1].
  ///
  /// Errors: kInvalidArgument also when there are not as many scores as answers.
  Status pr_curve(const std::string& tag, std::int64_t step, std::span<const float> scores,
                  std::span<const std::uint8_t> truth, int thresholds = 127);
  /// The graph of the model.
  Status graph(const std::vector<GraphNode>& nodes);
  /// Settings at the start of a run. Runs of one `group` (such as the same candidate with other seeds) share
  /// a line of the table, so their settings must be equal.
  /// `settings`: as HyperParameters::settings. The results are the scalars that hparams_experiment() names.
  Status hparams_start(const Json& settings, const std::string& group);
  /// That the run ended.
  Status hparams_end(bool success);
  /// Which columns the hparams tab shows: the settings and metrics of all `runs` together. Written once, into
  /// a file in the folder above the runs (TensorBoard takes the first that it finds for all of them). Without
  /// it the tab shows all settings, and every scalar as a metric.
  Status hparams_experiment(std::span<const HyperParameters> runs);

 private:
  struct State;
  explicit EventWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// One scalar read back.
struct ScalarPoint {
  std::string tag;
  std::int64_t step = 0;
  double wall_seconds = 0;
  double value = 0;
};

/// What an event file holds, as far as we draw it.
struct EventFileContent {
  std::vector<ScalarPoint> scalars;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  ///< of whole, right records
  bool torn = false;        ///< bytes follow that are not a whole, right record
};

/// Reads an event file from bytes: ours or TensorFlow's (tensor scalars and simple values). Stops at the
/// first record that is torn or has a wrong checksum.
///
/// Errors: kInvalidArgument when a whole record is not an event; kResourceExhausted beyond
/// kEventRecordBytesMax.
Result<EventFileContent> read_events(std::string_view bytes);

}  // namespace amas::telemetry
