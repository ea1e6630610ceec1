#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/trainer.h"
#include "telemetry/event_file.h"

namespace amas::worker {

/// What the event file of a run says about it once.
struct BoardTexts {
  std::string spec;                 ///< the spec file
  Json settings = Json::object();   ///< flat, for the hparams tab
  std::vector<std::string> labels;  ///< of the classes
};

/// A run as TensorBoard shows it. Without a folder every call does nothing.
class Board {
 public:
  /// `folder`: of this run alone.
  Board(std::optional<std::filesystem::path> folder, BoardTexts texts)
      : folder_(std::move(folder)), texts_(std::move(texts)) {}

  /// Goes on with the event file that state() named. Where that cannot be, a warning comes back and a new
  /// file starts.
  std::optional<std::string> restore(const Json& state);
  /// Where the event file stands; null when there is none yet.
  Json state() const;

  /// The loss while an epoch runs.
  Status batch(std::int64_t step, double loss);
  /// An epoch: scalars, histograms of weights and gradients, precision-recall curves.
  ///
  /// `metrics` are of the validation rows, of which `targets` are the classes; `rows`: of one epoch.
  Status epoch(const engine::EpochReport& report, const std::map<std::string, double>& metrics,
               std::span<const std::int32_t> targets, std::size_t rows);
  /// What came of it: results of the best epoch, and the trained graph.
  Status results(std::int64_t step, const std::map<std::string, double>& best, std::string_view onnx);
  /// The end of the run. Also one that fails before anything was drawn is shown.
  Status end(bool success);

 private:
  Status open();
  Status curves(const engine::EpochReport& report, std::span<const std::int32_t> targets);

  std::optional<std::filesystem::path> folder_;
  BoardTexts texts_;
  std::optional<telemetry::EventWriter> writer_;
};

}  // namespace amas::worker
