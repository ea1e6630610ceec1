#include "engines/torch/text_lstm_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/file.h"
#include "engines/torch/checkpoint.h"
#include "engines/torch/plain_lstm.h"
#include "engines/torch/random.h"

namespace amas::engine {
namespace {

using namespace torch_lstm;

/// Rows of which the class is whether word 1 stands before word 2, among noise: bags of words cannot tell.
Examples order_task(std::size_t rows, std::uint64_t seed, std::int64_t length = 8) {
  Random random(seed, Stream::kShuffle, 99);
  Examples examples;
  std::vector<std::int32_t> tokens;
  for (std::size_t row = 0; row < rows; ++row) {
    std::vector<std::int32_t> text(static_cast<std::size_t>(length));
    for (auto& token : text) token = static_cast<std::int32_t>(3 + random.below(7));
    const auto first = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(length)));
    auto second = static_cast<std::size_t>(random.below(static_cast<std::uint64_t>(length - 1)));
    if (second >= first) ++second;
    text[first] = 1;
    text[second] = 2;
    examples.targets.push_back(first < second ? 1 : 0);
    tokens.insert(tokens.end(), text.begin(), text.end());
  }
  examples.inputs.push_back(Tensor::of<std::int32_t>({static_cast<std::int64_t>(rows), length}, tokens));
  return examples;
}

double accuracy(std::span<const float> positive, std::span<const std::int32_t> targets) {
  double right = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) right += (positive[i] >= 0.5F) == (targets[i] == 1);
  return right / static_cast<double>(targets.size());
}

/// Keeps what it hears; stops training with an error at an epoch, as a crash there would.
class Listener final : public TrainObserver {
 public:
  explicit Listener(const Examples& validation) : validation_(validation) {}
  void on_warning(std::string_view message) override { warnings.emplace_back(message); }
  void on_batch(const BatchReport&) override {}
  Result<double> on_epoch(const EpochReport& report) override {
    if (report.epoch == dies_at) return Error{Code::kCancelled, "killed"};
    epochs.push_back(report.epoch);
    losses.push_back(report.validation_loss);
    scores.assign(report.scores.begin(), report.scores.end());
    scores_by_epoch.push_back(scores);
    state_ += std::to_string(report.epoch) + " ";
    if (!script.empty()) return script[static_cast<std::size_t>(report.epoch - 1)];
    return accuracy(report.scores, validation_.targets);
  }
  std::string state() override { return state_; }
  Status restore(std::string_view state) override {
    restored = state_ = state;
    return {};
  }

  int dies_at = 0;
  std::vector<double> script;  ///< metrics to return, instead of the accuracy
  std::vector<int> epochs;
  std::vector<double> losses;
  std::vector<float> scores;
  std::vector<std::vector<float>> scores_by_epoch;
  std::string restored;
  std::vector<std::string> warnings;

 private:
  const Examples& validation_;
  std::string state_;
};

class TextLstm : public testing::Test {
 protected:
  TextLstm() {
    job.candidate = {{"type", "lstm"}, {"vocabulary", 10}, {"length", 8}, {"embedding", 8}, {"units", 12}};
    job.train = {{"epochs", 4}, {"batch_size", 16}, {"learning_rate", 0.01}, {"patience", 0}, {"seed", 7}};
    job.training = &training;
    job.validation = &validation;
    job.folder = folder.path() / "run";
  }

  Result<TrainOutcome> train(Listener& listener) { return TextLstmTrainer().train(job, listener); }
  Result<TrainOutcome> train_in(const std::string& name, Listener& listener) {
    job.folder = folder.path() / name;
    return train(listener);
  }
  void expect_resumed_runs_like_an_undisturbed_one(const std::string& kind);
  fs::path checkpoint() const { return job.folder / "checkpoint.safetensors"; }

  TemporaryFolder folder;
  Examples training = order_task(200, 1);
  Examples validation = order_task(60, 2);
  TrainJob job;
};

void expect_same(const TrainOutcome& a, const TrainOutcome& b) {
  EXPECT_EQ(a.onnx, b.onnx);
  EXPECT_EQ(a.validation_scores, b.validation_scores);
  EXPECT_EQ(a.best_epoch, b.best_epoch);
  EXPECT_EQ(a.epochs, b.epochs);
  EXPECT_EQ(a.details, b.details);
}

TEST_F(TextLstm, learns_what_depends_on_the_order_of_words) {
  training = order_task(600, 1);
  job.train["epochs"] = 30;
  job.train["patience"] = 0;
  Listener listener(validation);
  const auto outcome = train(listener).value();
  std::vector<float> positive;
  for (std::size_t i = 1; i < outcome.validation_scores.size(); i += 2)
    positive.push_back(outcome.validation_scores[i]);
  EXPECT_EQ(accuracy(positive, validation.targets), 1.0);
}

TEST_F(TextLstm, gives_the_same_bits_twice_and_others_with_another_seed) {
  job.candidate["dropout"] = 0.2;
  Listener a(validation), b(validation), c(validation);
  const auto first = train_in("a", a).value();
  expect_same(first, train_in("b", b).value());
  job.train["seed"] = 8;
  EXPECT_NE(first.onnx, train_in("c", c).value().onnx);
}

TEST_F(TextLstm, word_dropout_takes_words_away_in_training_only) {
  training = order_task(600, 1);
  for (Examples* part : {&training, &validation})  // so that neither telling word is the unknown one
    for (std::int32_t& token : part->inputs[0].data<std::int32_t>()) ++token;
  job.candidate["vocabulary"] = 11;
  job.train["epochs"] = 12;
  Listener with(validation), without(validation);
  job.candidate["word_dropout"] = 0.9;  // One row in a hundred keeps both words that tell.
  ASSERT_TRUE(train_in("with", with));
  job.candidate["word_dropout"] = 0;
  ASSERT_TRUE(train_in("without", without));
  EXPECT_LT(without.losses.back(), 0.1);
  EXPECT_GT(with.losses.back(), 3 * without.losses.back());
}

TEST_F(TextLstm, killed_at_any_epoch_goes_on_to_the_same_bits) {
  job.candidate["dropout"] = 0.2;
  job.candidate["dense_dropout"] = 0.2;
  job.candidate["word_dropout"] = 0.2;
  job.train["clip_norm"] = 1.0;
  for (const bool average : {false, true}) {
    job.train["average"] = average;
    job.train["keep"] = average ? "last" : "best";
    expect_resumed_runs_like_an_undisturbed_one(average ? "average" : "plain");
  }
}

void TextLstm::expect_resumed_runs_like_an_undisturbed_one(const std::string& kind) {
  Listener undisturbed(validation);
  const auto expected = train_in(kind, undisturbed).value();
  for (int epoch = 1; epoch <= 4; ++epoch) {
    Listener killed(validation), second(validation);
    killed.dies_at = epoch;
    const std::string name = kind + "-killed-" + std::to_string(epoch);
    EXPECT_EQ(train_in(name, killed).error().code, Code::kCancelled);
    expect_same(train_in(name, second).value(), expected);
    EXPECT_EQ(second.epochs.size(), static_cast<std::size_t>(5 - epoch))
        << "earlier epochs are not trained again";
    EXPECT_EQ(second.scores, undisturbed.scores);
    EXPECT_EQ(second.restored, std::string("1 2 3 ").substr(0, static_cast<std::size_t>(2 * (epoch - 1))));
  }
}

TEST_F(TextLstm, killed_in_the_middle_of_a_long_epoch_goes_on_from_there_to_the_same_bits) {
  training = order_task(2'600, 1);
  job.candidate["embedding"] = 2;
  job.candidate["units"] = 2;
  job.train["batch_size"] = 1;
  job.train["epochs"] = 1;
  Listener undisturbed(validation), killed(validation), second(validation);
  const auto expected = train_in("undisturbed", undisturbed).value();
  killed.dies_at = 1;
  EXPECT_FALSE(train_in("killed", killed));
  const auto parsed = parse_checkpoint(read_file(checkpoint()).value()).value();
  EXPECT_EQ(parsed.state["progress"]["rows_done"], 2'000);
  expect_same(train_in("killed", second).value(), expected);
  EXPECT_EQ(second.losses, undisturbed.losses);
}

TEST_F(TextLstm, run_again_after_its_end_gives_the_same_without_training) {
  Listener first(validation), again(validation);
  const auto expected = train(first).value();
  expect_same(train(again).value(), expected);
  EXPECT_TRUE(again.epochs.empty());
}

TEST_F(TextLstm, keeps_the_best_epoch_and_stops_when_patience_is_at_its_end) {
  job.train["epochs"] = 9;
  job.train["patience"] = 2;
  Listener listener(validation);
  listener.script = {0.5, std::nan(""), 0.7, 0.6, 0.69, 1, 1, 1, 1};
  const auto outcome = train(listener).value();
  EXPECT_EQ(listener.epochs.size(), 5u);
  EXPECT_EQ(outcome.epochs, 5);
  EXPECT_EQ(outcome.best_epoch, 3);
  for (std::size_t i = 0; i < validation.rows(); ++i)
    EXPECT_EQ(outcome.validation_scores[2 * i + 1], listener.scores_by_epoch[2][i]);
}

TEST_F(TextLstm, keeps_the_last_epoch_when_told_to) {
  job.train["keep"] = "last";
  job.train["average"] = true;
  Listener listener(validation);
  listener.script = {0.9, 0.5, 0.5, 0.5};
  const auto outcome = train(listener).value();
  EXPECT_EQ(outcome.best_epoch, 4);
  EXPECT_EQ(outcome.details["validation_loss"], listener.losses[3]);
  for (std::size_t i = 0; i < validation.rows(); ++i)
    EXPECT_EQ(outcome.validation_scores[2 * i + 1], listener.scores_by_epoch[3][i]);
}

TEST_F(TextLstm, trained_with_what_was_chosen_keeps_the_same_weights_and_chooses_nothing) {
  job.train["epochs"] = 9;
  job.train["patience"] = 2;
  Listener chooses(validation), chosen(validation);
  chooses.script = {0.5, 0.6, 0.7, 0.6, 0.6, 1, 1, 1, 1};
  const auto first = train_in("chooses", chooses).value();
  job.train.update(first.chosen["train"]);
  chosen.script = {0.9, 0.1, 0.1};
  const auto again = train_in("chosen", chosen).value();
  EXPECT_EQ(again.epochs, 3);
  EXPECT_EQ(again.onnx, first.onnx);
  EXPECT_EQ(again.chosen, first.chosen);
}

TEST_F(TextLstm, of_epochs_with_equal_metrics_keeps_the_one_with_less_loss) {
  Listener listener(validation);
  listener.script = {0.5, 0.5, 0.5, 0.5};
  const auto outcome = train(listener).value();
  const auto least =
      std::min_element(listener.losses.begin(), listener.losses.end()) - listener.losses.begin();
  EXPECT_EQ(outcome.best_epoch, least + 1);
}

TEST_F(TextLstm, ends_within_its_time_limit) {
  job.train["time_limit_s"] = 1e-6;
  Listener listener(validation);
  const auto outcome = train(listener).value();
  EXPECT_EQ(outcome.epochs, 1);
  EXPECT_EQ(outcome.details["optimiser_steps"], 1);
}

TEST_F(TextLstm, passes_over_a_checkpoint_of_another_job_and_one_that_is_damaged) {
  Listener undisturbed(validation);
  const auto expected = train_in("undisturbed", undisturbed).value();
  const auto bytes = read_file(checkpoint()).value();

  job.train["seed"] = 8;
  Listener other(validation), listener(validation);
  ASSERT_TRUE(train_in("other", other));
  job.train["seed"] = 7;
  expect_same(train_in("other", listener).value(), expected);
  EXPECT_EQ(listener.epochs.size(), 4u) << "trained anew";
  ASSERT_EQ(listener.warnings.size(), 1u);
  EXPECT_NE(listener.warnings[0].find("it is of another job"), std::string::npos);

  for (const std::size_t cut : {std::size_t{0}, std::size_t{5}, bytes.size() / 2, bytes.size() - 1}) {
    Listener after(validation);
    job.folder = folder.path() / ("cut-" + std::to_string(cut));
    ASSERT_TRUE(write_file_atomic(checkpoint(), bytes.substr(0, cut)));
    expect_same(train(after).value(), expected);
    EXPECT_EQ(after.epochs.size(), 4u);
    EXPECT_EQ(after.warnings.size(), 1u);
  }
}

TEST_F(TextLstm, names_the_epoch_in_which_the_loss_is_not_finite) {
  Listener killed(validation), listener(validation);
  killed.dies_at = 3;
  EXPECT_FALSE(train(killed));
  auto parsed = parse_checkpoint(read_file(checkpoint()).value()).value();
  parsed.arrays["dense/bias"][0] = std::numeric_limits<float>::quiet_NaN();
  std::vector<CheckpointArray> arrays;
  for (const auto& [name, values] : parsed.arrays)
    arrays.push_back({name, {static_cast<std::int64_t>(values.size())}, values});
  ASSERT_TRUE(write_checkpoint(checkpoint(), parsed.state, parsed.observer, arrays));
  const auto failed = train(listener);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kInternal);
  EXPECT_NE(failed.error().message.find("epoch 3"), std::string::npos) << failed.error().message;
}

TEST_F(TextLstm, learns_three_classes_and_rows_padded_behind) {
  for (auto& target : training.targets) target = target * 2;
  for (auto& target : validation.targets) target = target * 2;
  training.targets[0] = 1;
  job.classes = 3;
  job.candidate["mask"] = true;
  job.candidate["padding"] = "post";
  Listener listener(validation);
  listener.script = {1, 2, 3, 4};
  const auto outcome = train(listener).value();
  ASSERT_EQ(outcome.validation_scores.size(), 3 * validation.rows());
  EXPECT_EQ(outcome.validation_scores, listener.scores);
  for (std::size_t i = 0; i < outcome.validation_scores.size(); i += 3) {
    const float sum =
        outcome.validation_scores[i] + outcome.validation_scores[i + 1] + outcome.validation_scores[i + 2];
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  EXPECT_LT(listener.losses.back(), listener.losses.front());
}

TEST_F(TextLstm, refuses_settings_out_of_range_and_says_which) {
  const auto message_with = [&](const char* section, const char* key, Json value) {
    TrainJob changed = job;
    (section[0] == 'c' ? changed.candidate : changed.train)[key] = std::move(value);
    Listener listener(validation);
    const auto outcome = TextLstmTrainer().train(changed, listener);
    EXPECT_FALSE(outcome) << key;
    if (outcome) return std::string();
    EXPECT_EQ(outcome.error().code, Code::kInvalidArgument) << key;
    return outcome.error().message;
  };
  EXPECT_NE(message_with("candidate", "units", 0).find("units is 0"), std::string::npos);
  EXPECT_NE(message_with("candidate", "dropout", 1.0).find("dropout"), std::string::npos);
  EXPECT_NE(message_with("candidate", "vocabulary", 9).find("vocabulary is 9"), std::string::npos);
  EXPECT_NE(message_with("candidate", "length", 9).find("[200,9]"), std::string::npos);
  EXPECT_NE(message_with("candidate", "mask", true).find("padding: post"), std::string::npos);
  EXPECT_NE(message_with("candidate", "padding", "front").find("pre or post"), std::string::npos);
  EXPECT_NE(message_with("train", "optimiser", "sgd").find("known: adam"), std::string::npos);
  EXPECT_NE(message_with("train", "keep", "first").find("best or last"), std::string::npos);
  EXPECT_NE(message_with("train", "batch_size", 0).find("batch_size"), std::string::npos);
  EXPECT_NE(message_with("train", "epochs", "ten").find("epochs"), std::string::npos);
}

TEST_F(TextLstm, refuses_one_class_and_empty_parts) {
  Listener listener(validation);
  auto targets = training.targets;
  std::fill(training.targets.begin(), training.targets.end(), 1);
  EXPECT_EQ(train(listener).error().code, Code::kFailedPrecondition);
  training.targets = targets;
  validation = Examples{};
  EXPECT_EQ(train(listener).error().code, Code::kFailedPrecondition);
  validation = order_task(3, 4);
  validation.targets[0] = 2;
  EXPECT_EQ(train(listener).error().code, Code::kInvalidArgument);
}

TEST(Checkpoint, with_any_bit_turned_is_data_loss) {
  const std::vector<float> values = {1, 2, 3};
  const std::vector<CheckpointArray> arrays = {{"a", {3}, values}};
  const TemporaryFolder folder;
  ASSERT_TRUE(write_checkpoint(folder.path() / "c", {{"step", 4}}, std::string("x\0\xff", 3), arrays));
  const std::string bytes = read_file(folder.path() / "c").value();
  const auto read = parse_checkpoint(bytes).value();
  EXPECT_EQ(read.arrays.at("a"), values);
  EXPECT_EQ(read.observer, std::string("x\0\xff", 3));
  EXPECT_EQ(read.state["step"], 4);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto result = parse_checkpoint(changed);
    accepted += result.has_value() || result.error().code != Code::kDataLoss;
  }
  EXPECT_EQ(accepted, 0u);
  EXPECT_FALSE(parse_checkpoint(bytes + "more"));
}

}  // namespace
}  // namespace amas::engine
