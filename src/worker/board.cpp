#include "worker/board.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "model/onnx.h"

namespace amas::worker {
namespace {

constexpr std::size_t kCurvesMax = 10;  ///< classes that get a precision-recall curve

/// Event files of an attempt that was killed before its first checkpoint would show its steps a second time.
Status remove_abandoned(const fs::path& folder) {
  if (!fs::exists(folder)) return {};
  AMAS_TRY(const auto names, list_folder(folder));
  for (const auto& name : names) {
    std::error_code ignored;
    if (name.starts_with("events.out.tfevents.") && name.find(".amas") != std::string::npos)
      fs::remove(folder / name, ignored);
  }
  return {};
}

/// An ONNX graph as TensorBoard draws it: inputs, constants and nodes, each named by its first output.
std::vector<telemetry::GraphNode> nodes_of(const onnx::GraphProto& graph) {
  std::vector<telemetry::GraphNode> nodes;
  for (const auto& constant : graph.initializer()) nodes.push_back({constant.name(), "Const", {}});
  for (const auto& input : graph.input()) nodes.push_back({input.name(), "Placeholder", {}});
  std::map<std::string, std::string>
      made_by;  // TensorBoard joins nodes by name, ONNX by the name of a value.
  for (const auto& node : graph.node())
    for (const auto& output : node.output())
      made_by[output] = node.output(0).empty() ? output : node.output(0);
  for (const auto& node : graph.node()) {
    telemetry::GraphNode drawn{
        made_by[node.output(node.output(0).empty() ? node.output_size() - 1 : 0)], node.op_type(), {}};
    for (const auto& input : node.input())
      if (!input.empty()) drawn.inputs.push_back(made_by.contains(input) ? made_by[input] : input);
    nodes.push_back(std::move(drawn));
  }
  return nodes;
}

std::string as_markdown(const std::string& yaml) { return "```yaml\n" + yaml + "\n```"; }

}  // namespace

std::optional<std::string> Board::restore(const Json& state) {
  if (!folder_ || !state.is_object()) return std::nullopt;
  const fs::path file = *folder_ / state.value("file", "");
  auto resumed = telemetry::EventWriter::resume(file, state.value("bytes", std::uint64_t{0}));
  if (!resumed) return "TensorBoard's events start anew: " + resumed.error().message;
  writer_.emplace(std::move(*resumed));
  return std::nullopt;
}

Json Board::state() const {
  if (!writer_) return nullptr;
  return {{"file", writer_->file().filename().string()}, {"bytes", writer_->bytes()}};
}

Status Board::open() {
  if (writer_) return {};
  AMAS_CHECK(remove_abandoned(*folder_));
  AMAS_TRY(auto writer, telemetry::EventWriter::create(*folder_));
  writer_.emplace(std::move(writer));
  if (!texts_.spec.empty()) AMAS_CHECK(writer_->text("spec", 0, as_markdown(texts_.spec)));
  return writer_->hparams_start(texts_.settings, folder_->filename().string());
}

Status Board::batch(std::int64_t step, double loss) {
  if (!folder_) return {};
  AMAS_CHECK(open());
  return writer_->scalar("train/batch_loss", step, loss);
}

Status Board::epoch(const engine::EpochReport& report, const std::map<std::string, double>& metrics,
                    std::span<const std::int32_t> targets, std::size_t rows) {
  if (!folder_) return {};
  AMAS_CHECK(open());
  const auto rate = static_cast<double>(rows) / std::max(report.seconds, 1e-9);
  AMAS_CHECK(writer_->scalar("train/loss", report.step, report.loss));
  AMAS_CHECK(writer_->scalar("train/learning_rate", report.step, report.learning_rate));
  AMAS_CHECK(writer_->scalar("train/gradient_norm", report.step, report.gradient_norm));
  AMAS_CHECK(writer_->scalar("train/rows_per_second", report.step, rate));
  AMAS_CHECK(writer_->scalar("validation/loss", report.step, report.validation_loss));
  for (const auto& [name, value] : metrics)
    if (std::isfinite(value)) AMAS_CHECK(writer_->scalar("validation/" + name, report.step, value));
  for (const auto& parameter : report.parameters) {
    AMAS_CHECK(writer_->histogram("weights/" + parameter.name, report.step, parameter.weights));
    if (!parameter.gradients.empty())
      AMAS_CHECK(writer_->histogram("gradients/" + parameter.name, report.step, parameter.gradients));
  }
  return curves(report, targets);
}

Status Board::curves(const engine::EpochReport& report, std::span<const std::int32_t> targets) {
  const std::size_t columns = report.scores.size() / std::max<std::size_t>(targets.size(), 1);
  std::vector<float> scores(targets.size());
  std::vector<std::uint8_t> truth(targets.size());
  for (std::size_t column = 0; column < std::min(columns, kCurvesMax); ++column) {
    const std::size_t label = columns == 1 ? 1 : column;
    for (std::size_t row = 0; row < targets.size(); ++row) {
      scores[row] = report.scores[row * columns + column];
      truth[row] = targets[row] == static_cast<std::int32_t>(label);
    }
    AMAS_CHECK(writer_->pr_curve("validation/" + texts_.labels[label], report.step, scores, truth));
  }
  return {};
}

Status Board::results(std::int64_t step, const std::map<std::string, double>& best, std::string_view onnx) {
  if (!folder_) return {};
  AMAS_CHECK(open());
  for (const auto& [name, value] : best)
    if (std::isfinite(value)) AMAS_CHECK(writer_->scalar("best/" + name, step, value));
  AMAS_TRY(const auto model, model::parse_onnx(onnx));
  return writer_->graph(nodes_of(model.graph()));
}

Status Board::end(bool success) {
  if (!folder_) return {};
  AMAS_CHECK(open());
  return writer_->hparams_end(success);
}

}  // namespace amas::worker
