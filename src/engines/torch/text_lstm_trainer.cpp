#include "engines/torch/text_lstm_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/clock.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "engine/best_epoch.h"
#include "engines/torch/checkpoint.h"
#include "engines/torch/lstm_export.h"
#include "engines/torch/lstm_net.h"
#include "engines/torch/random.h"

namespace amas::engine {
namespace {

using namespace torch_lstm;

constexpr std::int64_t kCheckpointSteps = 2'000;
constexpr std::int64_t kReportEveryUs = 250'000;
constexpr std::string_view kCheckpointFile = "checkpoint.safetensors";

/// Where training stands, besides weights and moments.
struct Progress {
  std::int64_t step = 0;      ///< optimiser steps so far
  int epoch = 0;              ///< finished epochs
  std::size_t rows_done = 0;  ///< of the running epoch, as are the next three
  double loss_sum = 0;        ///< over rows
  double norm_sum = 0;        ///< over steps
  double epoch_seconds = 0;
  double seconds = 0;  ///< of all finished epochs
  BestEpoch best;
  int kept_epoch = 0;  ///< the best one, or the last
  double kept_loss = 0;
  bool finished = false;
};

Json to_json(const Progress& p) {
  return {{"step", p.step},
          {"epoch", p.epoch},
          {"rows_done", p.rows_done},
          {"loss_sum", p.loss_sum},
          {"norm_sum", p.norm_sum},
          {"epoch_seconds", p.epoch_seconds},
          {"seconds", p.seconds},
          {"best_epoch", p.best.epoch},
          {"best_metric", p.best.metric ? Json(*p.best.metric) : Json()},
          {"best_loss", p.best.loss},
          {"kept_epoch", p.kept_epoch},
          {"kept_loss", p.kept_loss},
          {"finished", p.finished}};
}

Result<Progress> progress_from(const Json& json) {
  Progress p;
  AMAS_TRY(p.step, json_field<std::int64_t>(json, "step"));
  AMAS_TRY(p.epoch, json_field<int>(json, "epoch"));
  AMAS_TRY(p.rows_done, json_field<std::uint64_t>(json, "rows_done"));
  AMAS_TRY(p.loss_sum, json_field<double>(json, "loss_sum"));
  AMAS_TRY(p.norm_sum, json_field<double>(json, "norm_sum"));
  AMAS_TRY(p.epoch_seconds, json_field<double>(json, "epoch_seconds"));
  AMAS_TRY(p.seconds, json_field<double>(json, "seconds"));
  AMAS_TRY(p.best.epoch, json_field<int>(json, "best_epoch"));
  if (const auto metric = json.find("best_metric"); metric != json.end() && metric->is_number())
    p.best.metric = metric->get<double>();
  AMAS_TRY(p.best.loss, json_field<double>(json, "best_loss"));
  AMAS_TRY(p.kept_epoch, json_field<int>(json, "kept_epoch"));
  AMAS_TRY(p.kept_loss, json_field<double>(json, "kept_loss"));
  AMAS_TRY(p.finished, json_field<bool>(json, "finished"));
  return p;
}

/// SHA-256 over all that the weights depend on: a checkpoint with another one is of another job.
std::string digest_of(const TrainJob& job, const LstmSettings& settings, std::string_view version) {
  std::string all = dump_json({{"candidate", job.candidate},
                               {"train", job.train},
                               {"classes", job.classes},
                               {"threads", settings.threads},
                               {"version", version}});
  for (const Examples* part : {job.training, job.validation}) {
    const auto bytes = part->inputs[0].bytes();
    all += crypto::sha256_hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    all += crypto::sha256_hex({reinterpret_cast<const char*>(part->targets.data()),
                               part->targets.size() * sizeof part->targets[0]});
  }
  return crypto::sha256_hex(all);
}

/// The order in which an epoch takes the rows: Fisher and Yates, drawn from seed and epoch alone.
std::vector<std::size_t> shuffled(std::size_t rows, std::uint64_t seed, int epoch) {
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed, Stream::kShuffle, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = rows; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

class Run {
 public:
  Run(const TrainJob& job, const LstmSettings& settings, TrainObserver& observer,
      std::unique_ptr<LstmNet> net, std::string digest)
      : job_(job),
        settings_(settings),
        observer_(observer),
        net_(std::move(net)),
        digest_(std::move(digest)) {}

  Status restore();
  Status epoch();
  bool finished() const { return progress_.finished; }
  Result<TrainOutcome> outcome();

 private:
  Status steps();
  Status one_step(std::span<const std::size_t> rows);
  void drop_words();
  Status validate();
  void close_epoch(const EpochReport& report, double metric);
  bool out_of_time() const;
  void report_batch();
  Status save();
  Status apply(const Checkpoint& checkpoint);
  std::size_t rows() const { return job_.training->rows(); }
  double now() const { return static_cast<double>(system_clock().steady_us()) * 1e-6; }

  const TrainJob& job_;
  const LstmSettings settings_;
  TrainObserver& observer_;
  const std::unique_ptr<LstmNet> net_;
  const std::string digest_;
  Progress progress_;
  std::vector<std::vector<float>> kept_;  ///< weights of the kept epoch, in the order of Parameter
  double epoch_began_ = 0;                ///< less what an earlier process spent on this epoch
  std::int64_t reported_us_ = 0;
  std::vector<std::int32_t> tokens_, targets_;  ///< of one step
};

}  // namespace

std::string TextLstmTrainer::version() const { return "libtorch " + torch_version(); }

Result<TrainOutcome> TextLstmTrainer::train(const TrainJob& job, TrainObserver& observer) {
  AMAS_TRY(const auto settings, read_settings(job));
  AMAS_TRY(auto net, LstmNet::create(settings, initial_weights(settings)));
  Run run(job, settings, observer, std::move(net), digest_of(job, settings, version()));
  AMAS_CHECK(run.restore());
  // From here on the run stands where the last checkpoint of this job stood, or at the start.
  while (!run.finished()) AMAS_CHECK(run.epoch());
  return run.outcome();
}

namespace {

Status Run::epoch() {
  epoch_began_ = now() - progress_.epoch_seconds;
  AMAS_CHECK(steps());
  AMAS_CHECK(validate());
  return save();
}

Status Run::steps() {
  const auto order = shuffled(rows(), settings_.seed, progress_.epoch + 1);
  while (progress_.rows_done < rows() && !out_of_time()) {
    const auto left = std::span(order).subspan(progress_.rows_done);
    AMAS_CHECK(one_step(left.first(std::min(left.size(), static_cast<std::size_t>(settings_.batch_size)))));
    report_batch();
    if (progress_.step % kCheckpointSteps == 0) AMAS_CHECK(save());
  }
  return {};
}

Status Run::one_step(std::span<const std::size_t> rows) {
  const auto all = job_.training->inputs[0].data<std::int32_t>();
  const auto length = static_cast<std::size_t>(settings_.length);
  tokens_.clear();
  targets_.clear();
  for (const std::size_t row : rows) {
    const auto tokens = all.subspan(row * length, length);
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
    targets_.push_back(job_.training->targets[row]);
  }
  drop_words();
  AMAS_TRY(const auto report, net_->step(tokens_, targets_, static_cast<std::uint64_t>(progress_.step)));
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm))
    return internal_error(fmt::format(
        "loss or gradient is not finite: epoch {}, step {}, loss {}; lower learning_rate or set clip_norm",
        progress_.epoch + 1, progress_.step + 1, report.loss));
  ++progress_.step;
  progress_.rows_done += rows.size();
  progress_.loss_sum += report.loss * static_cast<double>(rows.size());
  progress_.norm_sum += report.gradient_norm;
  progress_.epoch_seconds = now() - epoch_began_;
  return {};
}

/// Training texts hold few words that the vocabulary lacks, new ones many: a share of all words is read as
/// the unknown one, so that the net learns to do without any of them (Iyyer and others 2015).
void Run::drop_words() {
  constexpr std::int32_t kUnknown = 1;
  if (settings_.word_dropout <= 0) return;
  Random random(settings_.seed, Stream::kWordDropout, static_cast<std::uint64_t>(progress_.step));
  for (std::int32_t& token : tokens_)
    if (token > kUnknown && random.uniform() < settings_.word_dropout) token = kUnknown;
}

void Run::report_batch() {
  const std::int64_t time = system_clock().steady_us();
  if (time - reported_us_ < kReportEveryUs) return;
  reported_us_ = time;
  const auto done = static_cast<double>(progress_.rows_done);
  observer_.on_batch({progress_.epoch + 1, settings_.epochs, progress_.rows_done, rows(),
                      progress_.loss_sum / done, done / std::max(progress_.epoch_seconds, 1e-9)});
}

Status Run::validate() {
  AMAS_TRY(const auto logits, net_->logits(job_.validation->inputs[0].data<std::int32_t>()));
  auto scores = scores_of(logits, settings_.dense);
  if (settings_.dense == 1) {
    for (std::size_t i = 0; i < scores.size() / 2; ++i) scores[i] = scores[2 * i + 1];
    scores.resize(scores.size() / 2);
  }
  EpochReport report;
  report.epoch = progress_.epoch + 1;
  report.epochs = settings_.epochs;
  report.step = progress_.step;
  report.seconds = now() - epoch_began_;
  const auto batch = static_cast<std::size_t>(settings_.batch_size);
  report.loss = progress_.loss_sum / static_cast<double>(progress_.rows_done);
  report.gradient_norm = progress_.norm_sum / static_cast<double>((progress_.rows_done + batch - 1) / batch);
  report.validation_loss = log_loss_of(logits, job_.validation->targets, settings_.dense);
  report.learning_rate = settings_.learning_rate;
  report.scores = scores;
  for (const auto& parameter : net_->parameters())
    report.parameters.push_back({parameter.name, parameter.weights, parameter.gradients});
  AMAS_TRY(const double metric, observer_.on_epoch(report));
  close_epoch(report, metric);
  return {};
}

void Run::close_epoch(const EpochReport& report, double metric) {
  if (progress_.best.offer(report.epoch, metric, report.validation_loss) || settings_.keep_last) {
    progress_.kept_epoch = report.epoch;
    progress_.kept_loss = report.validation_loss;
    kept_.clear();
    for (const auto& parameter : net_->parameters())
      kept_.emplace_back(parameter.scored.begin(), parameter.scored.end());
  }
  const bool stale = settings_.patience > 0 && report.epoch - progress_.best.epoch >= settings_.patience;
  progress_.finished = stale || report.epoch == settings_.epochs || out_of_time();
  progress_.epoch = report.epoch;
  progress_.seconds += report.seconds;
  progress_.rows_done = 0;
  progress_.loss_sum = progress_.norm_sum = progress_.epoch_seconds = 0;
}

bool Run::out_of_time() const {
  return settings_.time_limit_s > 0 && progress_.rows_done > 0 &&
         progress_.seconds + progress_.epoch_seconds >= settings_.time_limit_s;
}

Status Run::save() {
  const auto parameters = net_->parameters();
  std::vector<CheckpointArray> arrays;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& p = parameters[i];
    arrays.push_back({p.name, p.shape, p.weights});
    arrays.push_back({p.name + "/adam_first", p.shape, p.first});
    arrays.push_back({p.name + "/adam_second", p.shape, p.second});
    if (settings_.average) arrays.push_back({p.name + "/average", p.shape, p.scored});
    if (!kept_.empty()) arrays.push_back({p.name + "/kept", p.shape, kept_[i]});
  }
  const Json state = {{"job", digest_}, {"progress", to_json(progress_)}};
  return write_checkpoint(job_.folder / kCheckpointFile, state, observer_.state(), arrays);
}

Status Run::restore() {
  const fs::path file = job_.folder / kCheckpointFile;
  const auto bytes = read_file(file);
  if (!bytes && bytes.error().code == Code::kNotFound) return {};
  const auto pass_over = [&](std::string_view why) {
    observer_.on_warning(
        fmt::format("checkpoint is passed over and training starts anew: {}: {}", file.string(), why));
    return Status{};
  };
  if (!bytes) return pass_over(bytes.error().message);
  const auto checkpoint = parse_checkpoint(*bytes);
  if (!checkpoint) return pass_over(checkpoint.error().message);
  if (checkpoint->state.value("job", "") != digest_) return pass_over("it is of another job");
  return apply(*checkpoint);
}

Status Run::apply(const Checkpoint& checkpoint) {
  AMAS_TRY(const auto progress, json_field<Json>(checkpoint.state, "progress"));
  AMAS_TRY(progress_, progress_from(progress));
  const auto fill = [&](const std::string& name, std::span<float> to) -> Status {
    const auto from = checkpoint.arrays.find(name);
    if (from == checkpoint.arrays.end() || from->second.size() != to.size())
      return data_loss(fmt::format("checkpoint lacks an array: {}; remove {}", name, job_.folder.string()));
    std::copy(from->second.begin(), from->second.end(), to.begin());
    return {};
  };
  for (const auto& p : net_->parameters()) {
    AMAS_CHECK(fill(p.name, p.weights));
    AMAS_CHECK(fill(p.name + "/adam_first", p.first));
    AMAS_CHECK(fill(p.name + "/adam_second", p.second));
    if (settings_.average) AMAS_CHECK(fill(p.name + "/average", p.scored));
    if (progress_.epoch > 0) AMAS_CHECK(fill(p.name + "/kept", kept_.emplace_back(p.weights.size())));
  }
  net_->set_steps(progress_.step);
  return observer_.restore(checkpoint.observer);
}

Result<TrainOutcome> Run::outcome() {
  const auto parameters = net_->parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    std::copy(kept_[i].begin(), kept_[i].end(), parameters[i].scored.begin());
  AMAS_TRY(const auto logits, net_->logits(job_.validation->inputs[0].data<std::int32_t>()));
  TrainOutcome outcome;
  AMAS_TRY(outcome.onnx, export_net(settings_, parameters));
  outcome.validation_scores = scores_of(logits, settings_.dense);
  outcome.best_epoch = progress_.kept_epoch;
  outcome.epochs = progress_.epoch;
  outcome.details = {{"optimiser_steps", progress_.step}, {"validation_loss", progress_.kept_loss}};
  outcome.chosen = {
      {"train", {{"epochs", progress_.kept_epoch}, {"keep", "last"}, {"patience", 0}, {"time_limit_s", 0}}}};
  return outcome;
}

}  // namespace

}  // namespace amas::engine
