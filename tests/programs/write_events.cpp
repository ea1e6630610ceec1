// Writes one TensorBoard run of every kind of value, from formulas that test_tensorboard.py knows too. Then,
// so that a server can be watched following along, appends a scalar for each line "step value" on standard
// input and answers with the length of the file.
//
//   write_events LOGDIR RUN

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "telemetry/event_file.h"

namespace {

using amas::Result;
using amas::Status;
using amas::telemetry::EventWriter;
using amas::telemetry::HyperParameters;

constexpr int kSteps = 20;
constexpr int kRows = 997;  // a prime, so that the formulas below do not repeat

Status write_series(EventWriter& writer) {
  for (int step = 0; step < kSteps; ++step) {
    std::vector<float> values(kRows), equal(50, 2.5f);
    for (int i = 0; i < kRows; ++i) values[i] = static_cast<float>((i * 37 % kRows) * step - 300);
    AMAS_CHECK(writer.scalar("train/loss", step * 10, 1.0 / (1 + step)));
    AMAS_CHECK(writer.histogram("weights/kernel", step * 10, values));
    AMAS_CHECK(writer.histogram("weights/equal", step * 10, equal));
  }
  std::vector<float> scores(kRows);
  std::vector<std::uint8_t> truth(kRows);
  for (int i = 0; i < kRows; ++i) {
    scores[i] = static_cast<float>(i * 53 % kRows) / (kRows - 1);
    truth[i] = i * i % 7 < 3;
  }
  AMAS_CHECK(writer.pr_curve("valid/pr", 10, scores, truth));
  return writer.pr_curve("valid/pr", 20, scores, truth, 127);
}

Status write_run(EventWriter& writer, const HyperParameters& parameters) {
  AMAS_CHECK(writer.hparams_start(parameters.settings,
                                  "group of " + parameters.settings["type"].get<std::string>()));
  AMAS_CHECK(writer.text("spec", 0, "# Title\n\nSome *text* — 中文."));
  AMAS_CHECK(
      writer.graph({{"tokens", "Input", {}}, {"lstm", "LSTM", {"tokens"}}, {"scores", "Dense", {"lstm"}}}));
  AMAS_CHECK(write_series(writer));
  AMAS_CHECK(writer.scalar("test/accuracy", 200, 0.96875));
  return writer.hparams_end(true);
}

Status follow(EventWriter& writer) {
  std::cout << writer.bytes() << std::endl;
  std::int64_t step = 0;
  double value = 0;
  while (std::cin >> step >> value) {
    AMAS_CHECK(writer.scalar("train/loss", step, value));
    std::cout << writer.bytes() << std::endl;
  }
  return {};
}

// Two runs with different settings, and above them the columns of both.
Status write_all(const std::string& logdir, const std::string& run) {
  HyperParameters lstm, linear;
  lstm.settings = {{"type", "lstm"}, {"units", 64}, {"rate", 0.001}, {"mask", true}};
  linear.settings = {{"type", "linear"}, {"c", 0.5}};
  lstm.metric_tags = linear.metric_tags = {"test/accuracy"};
  AMAS_TRY(auto top, EventWriter::create(logdir));
  AMAS_CHECK(top.hparams_experiment(std::vector{lstm, linear}));
  AMAS_TRY(auto other, EventWriter::create(logdir + "/" + run + "/linear"));
  AMAS_CHECK(other.hparams_start(linear.settings, "group of linear"));
  AMAS_CHECK(other.scalar("test/accuracy", 1, 0.9375));
  AMAS_TRY(auto writer, EventWriter::create(logdir + "/" + run + "/lstm"));
  AMAS_CHECK(write_run(writer, lstm));
  return follow(writer);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: write_events LOGDIR RUN\n";
    return 64;
  }
  const Status status = write_all(arguments[1], arguments[2]);
  if (!status) std::cerr << status.error().message << '\n';
  return status ? 0 : 1;
}
