// How far the sequence engine's probabilities are from those of a trained net, computed in double, on 1,000
// rows that it was not trained on; ONNX Runtime's fp32 and int8 beside it. Exits 1 beyond a bound:
//
//   float32 is off by at most 2e-6; int16 by at most 1e-3, and decides no row otherwise; int8 is off by no
//   more than ONNX Runtime's int8 on average. The net must have learnt something (accuracy 0.7): the states
//   of one that has not are small, and so are its errors.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>

#include "base/file.h"
#include "base/install.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/sequence/recognise.h"
#include "engines/sequence/sequence_engine.h"
#include "engines/torch/text_lstm_trainer.h"
#include "model/onnx.h"
#include "optimise/optimise.h"

namespace amas::differential {
namespace {

constexpr std::int64_t kVocabulary = 10'000, kLength = 128;
constexpr std::int32_t kTelling = 200;  // words that tell, of either class

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

/// Texts of 10 to 128 words, padded in front. A few words speak for the text's class, fewer for the other;
/// one text in twenty has the wrong class.
engine::Examples texts(std::int64_t rows, unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::int32_t end) {
    return static_cast<std::int32_t>(random() % static_cast<unsigned>(end));
  };
  engine::Examples examples;
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows * kLength));
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int32_t target = below(2), words = 10 + below(kLength - 9);
    for (std::int64_t step = kLength - words; step < kLength; ++step) {
      const std::int32_t kind = below(14);
      const std::int32_t spoken = kind < 3 ? target : 1 - target;
      tokens[static_cast<std::size_t>(row * kLength + step)] =
          kind < 4 ? 1 + spoken * kTelling + below(kTelling)
                   : 1 + 2 * kTelling + below(kVocabulary - 1 - 2 * kTelling);
    }
    examples.targets.push_back(below(20) == 0 ? 1 - target : target);
  }
  examples.inputs.push_back(Tensor::of<std::int32_t>({rows, kLength}, std::span<const std::int32_t>(tokens)));
  return examples;
}

class Observer final : public engine::TrainObserver {
 public:
  explicit Observer(const engine::Examples& validation) : validation_(validation) {}
  void on_warning(std::string_view) override {}
  void on_batch(const engine::BatchReport&) override {}
  Result<double> on_epoch(const engine::EpochReport& report) override {
    double right = 0;
    for (std::size_t i = 0; i < report.scores.size(); ++i)
      right += (report.scores[i] >= 0.5F) == (validation_.targets[i] == 1) ? 1 : 0;
    return right / static_cast<double>(report.scores.size());
  }
  std::string state() override { return ""; }
  Status restore(std::string_view) override { return {}; }

 private:
  const engine::Examples& validation_;
};

std::string trained(const engine::Examples& training, const engine::Examples& validation) {
  const TemporaryFolder folder;
  engine::TrainJob job;
  job.candidate = {
      {"type", "lstm"}, {"vocabulary", kVocabulary}, {"length", kLength}, {"embedding", 64}, {"units", 64}};
  job.train = {{"epochs", 6}, {"batch_size", 32}, {"learning_rate", 0.01}, {"patience", 0}, {"seed", 7}};
  job.training = &training;
  job.validation = &validation;
  job.folder = folder.path() / "run";
  Observer observer(validation);
  return must(engine::TextLstmTrainer().train(job, observer)).onnx;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// P(class 1) of one row in double, from the textbook.
double plain_score(const engines::sequence::Net& net, std::span<const std::int32_t> tokens) {
  const auto& layer = net.layers[0];
  const auto& weights = layer.directions[0];
  const auto units = static_cast<std::size_t>(layer.units), input = static_cast<std::size_t>(layer.input);
  std::vector<double> h(units), c(units), gates(4 * units);
  for (const std::int32_t token : tokens) {
    const float* x = net.table.data() + static_cast<std::size_t>(token) * input;
    for (std::size_t row = 0; row < gates.size(); ++row) {
      double sum = static_cast<double>(weights.bias[row]);
      for (std::size_t i = 0; i < input; ++i)
        sum += static_cast<double>(weights.kernel[row * input + i]) * static_cast<double>(x[i]);
      for (std::size_t i = 0; i < units; ++i)
        sum += static_cast<double>(weights.recurrent[row * units + i]) * h[i];
      gates[row] = sum;
    }
    for (std::size_t i = 0; i < units; ++i) {
      c[i] = sigmoid(gates[units + i]) * c[i] + sigmoid(gates[i]) * std::tanh(gates[3 * units + i]);
      h[i] = sigmoid(gates[2 * units + i]) * std::tanh(c[i]);
    }
  }
  const auto& dense = net.head[0];
  const auto columns = static_cast<std::size_t>(dense.columns);
  std::vector<double> logits(dense.bias.begin(), dense.bias.end());
  for (std::size_t i = 0; i < units; ++i)
    for (std::size_t k = 0; k < columns; ++k)
      logits[k] += h[i] * static_cast<double>(dense.kernel[i * columns + k]);
  return columns == 1 ? sigmoid(logits[0]) : sigmoid(logits[1] - logits[0]);
}

struct Errors {
  double largest = 0, mean = 0;
  int flips = 0;
};

Errors errors_of(engine::LoadedModel& model, const Tensor& rows, std::span<const double> expected) {
  Errors errors;
  // One at a time: dynamically quantised inputs of ONNX Runtime have one scale for the batch.
  for (std::int64_t row = 0; row < rows.rows(); ++row) {
    const auto results = must(model.run(std::vector<TensorView>{TensorView(rows, row, row + 1)}));
    const double score = static_cast<double>(results[0].data<float>().back());
    const double difference = std::abs(score - expected[static_cast<std::size_t>(row)]);
    errors.largest = std::max(errors.largest, difference);
    errors.mean += difference / static_cast<double>(rows.rows());
    errors.flips += (score >= 0.5) != (expected[static_cast<std::size_t>(row)] >= 0.5) ? 1 : 0;
  }
  return errors;
}

int run() {
  const engine::Examples training = texts(3'000, 1), validation = texts(500, 2), fresh = texts(1'000, 3);
  const std::string onnx = trained(training, validation);
  const auto net = must(engines::sequence::recognise(must(model::parse_onnx(onnx))));
  const Tensor& rows = fresh.inputs[0];
  std::vector<double> expected;
  for (std::int64_t row = 0; row < rows.rows(); ++row)
    expected.push_back(plain_score(net, TensorView(rows, row, row + 1).data<std::int32_t>()));
  double right = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    right += (expected[i] >= 0.5) == (fresh.targets[i] == 1) ? 1 : 0;
  fmt::print("{} rows, accuracy {:.3f}; kernels {}\n", expected.size(),
             right / static_cast<double>(expected.size()), engines::sequence_kernels());
  const auto reference = must(engines::open_onnxruntime(must(find_installed(kOnnxRuntimeLibrary))));
  const auto sequence = engines::make_sequence_engine();
  std::map<std::string, Errors> errors;
  const auto measure = [&](const std::string& name, std::unique_ptr<engine::LoadedModel> model) {
    const Errors made = errors[name] = errors_of(*model, rows, expected);
    fmt::print("{:18} largest {:.1e}, mean {:.1e}, {} rows decided otherwise\n", name, made.largest,
               made.mean, made.flips);
  };
  measure("ONNX Runtime fp32", must(reference->load(onnx, {})));
  measure("ONNX Runtime int8", must(reference->load(must(optimise::quantise_int8(onnx)), {})));
  for (const char* precision : {"float32", "int16", "int8"})
    measure(precision, must(sequence->load(onnx, {.precision = precision})));
  const bool good = right >= 0.7 * static_cast<double>(expected.size()) &&
                    errors["float32"].largest <= 2e-6 && errors["int16"].largest <= 1e-3 &&
                    errors["int16"].flips == 0 && errors["int8"].mean <= errors["ONNX Runtime int8"].mean;
  if (!good) fmt::print("beyond a bound\n");
  return good ? 0 : 1;
}

}  // namespace
}  // namespace amas::differential

int main() { return amas::differential::run(); }
