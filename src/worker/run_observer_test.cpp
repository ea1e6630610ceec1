#include "worker/run_observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "telemetry/event_file.h"

namespace amas::worker {
namespace {

const std::vector<std::int32_t> kTargets = {0, 1, 1, 0};

/// What a trainer would report; right scores have `certainty` for the true class.
engine::EpochReport epoch(int number, std::span<const float> scores, double validation_loss) {
  engine::EpochReport report;
  report.epoch = number;
  report.epochs = 9;
  report.step = 10 * number;
  report.seconds = 0.5;
  report.validation_loss = validation_loss;
  report.scores = scores;
  return report;
}

/// Catches what is printed.
class Printed {
 public:
  Printed() : stream_(::open_memstream(&text_, &size_)), lines(stream_) {}
  ~Printed() {
    std::fclose(stream_);
    std::free(text_);
  }
  std::vector<Json> all() const {
    std::vector<Json> parsed;
    std::string_view left(text_, size_);
    while (!left.empty()) {
      parsed.push_back(parse_json(left.substr(0, left.find('\n'))).value());
      left.remove_prefix(left.find('\n') + 1);
    }
    return parsed;
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_;

 public:
  Lines lines;
};

ObservedRun run_by(std::string metric) { return {std::move(metric), 2, kTargets, 40, 4}; }

ObservedRun refit() {
  ObservedRun run = run_by("accuracy");
  run.refit = true;
  return run;
}

TEST(RunObserver, measures_two_classes_from_one_column) {
  Printed printed;
  Board board(std::nullopt, {});
  RunObserver observer(run_by("accuracy"), board, printed.lines);
  const std::vector<float> scores = {0.25F, 0.75F, 0.25F, 0.25F};
  EXPECT_EQ(observer.on_epoch(epoch(1, scores, 0.6)).value(), 0.75);
  const Json line = printed.all().at(0);
  EXPECT_EQ(line["event"], "epoch");
  EXPECT_EQ(line["seconds"], 0.5);
  EXPECT_EQ(line["best"], true);
  EXPECT_EQ(line["metrics"]["accuracy"], 0.75);
  EXPECT_NEAR(line["metrics"]["log_loss"].get<double>(), -(3 * std::log(0.75) + std::log(0.25)) / 4, 1e-12);
  EXPECT_FALSE(observer.history()[0].contains("seconds")) << "the history is the same in every run";
}

TEST(RunObserver, gives_trainers_a_value_of_which_more_is_better) {
  Printed printed;
  Board board(std::nullopt, {});
  RunObserver observer(run_by("log_loss"), board, printed.lines);
  const std::vector<float> good = {0.1F, 0.9F, 0.9F, 0.1F}, poor = {0.4F, 0.6F, 0.6F, 0.4F};
  const double better = observer.on_epoch(epoch(1, good, 0)).value();
  EXPECT_GT(better, observer.on_epoch(epoch(2, poor, 0)).value());
  EXPECT_EQ(observer.history()[1]["best"], false);
}

TEST(RunObserver, restored_from_its_state_goes_on_as_if_it_had_never_ended) {
  Printed printed, after;
  Board board(std::nullopt, {}), other(std::nullopt, {});
  RunObserver first(run_by("accuracy"), board, printed.lines), second(run_by("accuracy"), other, after.lines);
  const std::vector<float> good = {0.1F, 0.9F, 0.9F, 0.1F}, poor = {0.6F, 0.6F, 0.6F, 0.4F};
  ASSERT_TRUE(first.on_epoch(epoch(1, good, 0.1)));
  ASSERT_TRUE(second.restore(first.state()));
  EXPECT_EQ(second.history(), first.history());
  EXPECT_EQ(second.step(), 10);
  ASSERT_TRUE(second.on_epoch(epoch(2, poor, 0.5)));
  EXPECT_EQ(second.history()[1]["best"], false) << "the better epoch before is remembered";
  EXPECT_EQ(after.all()[0]["event"], "resumed");
  EXPECT_FALSE(second.restore("not json"));
}

TEST(RunObserver, says_nothing_of_validation_rows_that_a_refit_has_seen) {
  Printed printed, after;
  Board board(std::nullopt, {});
  RunObserver observer(refit(), board, printed.lines);
  const std::vector<float> good = {0.1F, 0.9F, 0.9F, 0.1F}, poor = {0.6F, 0.6F, 0.6F, 0.4F};
  const double first = observer.on_epoch(epoch(1, good, 0.1)).value();
  EXPECT_GT(observer.on_epoch(epoch(2, poor, 0.9)).value(), first) << "the last epoch is the one to keep";
  EXPECT_TRUE(printed.all().empty());
  ASSERT_EQ(observer.history().size(), 2u);
  EXPECT_TRUE(observer.history()[0].contains("loss"));
  for (const char* key : {"validation_loss", "metrics", "best"})
    EXPECT_FALSE(observer.history()[0].contains(key)) << key;
  RunObserver second(refit(), board, after.lines);
  ASSERT_TRUE(second.restore(observer.state()));
  EXPECT_EQ(second.history(), observer.history());
  EXPECT_EQ(second.step(), 20);
}

TEST(RunObserver, passes_warnings_and_batches_on) {
  Printed printed;
  Board board(std::nullopt, {});
  RunObserver observer(run_by("accuracy"), board, printed.lines);
  observer.on_warning("mind the gap");
  observer.on_batch({2, 9, 20, 40, 0.5, 1'000});
  const auto lines = printed.all();
  EXPECT_EQ(lines.at(0), (Json{{"event", "warning"}, {"message", "mind the gap"}}));
  EXPECT_EQ(lines.at(1)["rows_done"], 20);
}

TEST(Board, shows_each_step_once_after_going_on_from_an_earlier_state) {
  const TemporaryFolder folder;
  const std::vector<float> scores = {0.1F, 0.9F, 0.9F, 0.1F};
  const BoardTexts texts{"name: x", {{"units", 8}}, {"ham", "spam"}};
  Json state;
  {
    Board board(folder.path() / "run", texts);
    ASSERT_TRUE(board.batch(1, 0.7));
    ASSERT_TRUE(
        board.epoch(epoch(1, scores, 0.3), {{"accuracy", 1}, {"roc_auc", std::nan("")}}, kTargets, 40));
    state = board.state();
    ASSERT_TRUE(board.epoch(epoch(2, scores, 0.2), {{"accuracy", 1}}, kTargets, 40));
  }
  Board board(folder.path() / "run", texts);
  EXPECT_FALSE(board.restore(state));
  ASSERT_TRUE(board.epoch(epoch(2, scores, 0.2), {{"accuracy", 0.5}}, kTargets, 40));
  const auto names = list_folder(folder.path() / "run").value();
  ASSERT_EQ(names.size(), 1u);
  const auto events = telemetry::read_events(read_file(folder.path() / "run" / names[0]).value()).value();
  EXPECT_FALSE(events.torn);
  std::vector<std::pair<std::int64_t, double>> accuracy;
  for (const auto& point : events.scalars) {
    if (point.tag == "validation/accuracy") accuracy.emplace_back(point.step, point.value);
    EXPECT_NE(point.tag, "validation/roc_auc") << "an undefined value is left out";
  }
  EXPECT_EQ(accuracy, (std::vector<std::pair<std::int64_t, double>>{{10, 1.0}, {20, 0.5}}));
}

TEST(Board, starts_anew_where_its_file_is_gone_and_removes_what_an_abandoned_attempt_left) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomic(folder.path() / "events.out.tfevents.1.host.2.amas", "abandoned"));
  ASSERT_TRUE(write_file_atomic(folder.path() / "notes.txt", "kept"));
  Board board(folder.path(), {"", Json::object(), {"a", "b"}});
  EXPECT_TRUE(board.restore({{"file", "gone.amas"}, {"bytes", 12}}));
  ASSERT_TRUE(board.batch(1, 0.7));
  const auto names = list_folder(folder.path()).value();
  ASSERT_EQ(names.size(), 2u);
  EXPECT_NE(names[0], "events.out.tfevents.1.host.2.amas");
  EXPECT_EQ(names[1], "notes.txt");
}

}  // namespace
}  // namespace amas::worker
