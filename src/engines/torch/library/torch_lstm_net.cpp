#include <ATen/Parallel.h>
#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/lstm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "engines/torch/embedding.h"
#include "engines/torch/lstm_net.h"

namespace amas::engine::torch_lstm {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-7;

/// Calls `work` and turns what libtorch throws into an error.
template <class Work>
auto guarded(Work&& work) -> Result<decltype(work())> {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return resource_exhausted("out of memory while training; lower batch_size, length or units");
  } catch (const std::exception& error) {
    // The first line says what; the rest is libtorch's stack.
    const std::string_view what = error.what();
    return internal_error(fmt::format("libtorch failed: {}", what.substr(0, what.find('\n'))));
  }
}

struct Slot {
  std::string name;
  at::Tensor weights, gradients, first, second, steps;
  at::Tensor scored;  ///< the average, or the same tensor as `weights`
};

std::span<float> span_of(const at::Tensor& tensor) {
  return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

Slot make_slot(const NamedTensor& from, bool by_autograd, bool average) {
  const auto values = from.tensor.data<float>();
  Slot slot;
  slot.name = from.name;
  slot.weights = at::empty(from.tensor.shape(), at::kFloat);
  std::copy(values.begin(), values.end(), slot.weights.data_ptr<float>());
  slot.gradients = at::zeros_like(slot.weights);
  slot.first = at::zeros_like(slot.weights);
  slot.second = at::zeros_like(slot.weights);
  slot.steps = at::zeros({}, at::kFloat);
  slot.scored = average ? slot.weights.clone() : slot.weights;
  if (by_autograd) {
    slot.weights.requires_grad_(true);
    slot.weights.mutable_grad() = slot.gradients;  // so that backward() adds into it, and its address stays
  }
  return slot;
}

/// What one part of a step drops.
struct Dropping {
  Dropout embedded;
  Dropout states;
};

double square_sum(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

struct State {
  LstmSettings settings;
  std::vector<Slot> slots;
  at::Tensor no_bias;  ///< torch adds two biases where Keras has one: the second stays zero
  EmbeddingGradient embedding;
  /// Of the table's gradient, summed over occurrences; empty without token_moments.
  std::vector<float> squares;

  State(const LstmSettings& s, const std::vector<NamedTensor>& weights)
      : settings(s), no_bias(at::zeros({4 * s.units}, at::kFloat)), embedding(s.embedding) {
    at::set_num_threads(s.threads);
    for (std::size_t i = 0; i < weights.size(); ++i)
      slots.push_back(make_slot(weights[i], i != kTable, s.average));
    if (s.token_moments) squares.resize(span_of(slots[kTable].weights).size());
  }

  /// How many of `rows` go through the LSTM at once. oneDNN keeps about 40 floats a token and unit for the
  /// backward pass (133 MB for 64 rows of 200 tokens, 64 units). In seven equal parts those rows take about
  /// 5 % longer, and the process stays at 225 MB in place of 268.
  std::size_t rows_at_once(std::size_t rows) const {
    constexpr std::int64_t kTokensTimesUnits = 131'072, kRowsMin = 8;
    const auto most =
        static_cast<std::size_t>(std::max(kTokensTimesUnits / (settings.length * settings.units), kRowsMin));
    const std::size_t parts = (rows + most - 1) / most;
    return (rows + parts - 1) / parts;
  }

  TokenBatch batch_of(std::span<const std::int32_t> tokens) const {
    return {tokens, static_cast<std::size_t>(settings.length), settings.mask};
  }

  /// Embedded tokens [steps, rows, E] → the state that counts of each row [rows, H].
  at::Tensor last_states(const at::Tensor& embedded, const TokenBatch& batch, bool training) const {
    const at::Tensor start = at::zeros({1, embedded.size(1), settings.units}, at::kFloat);
    const at::Tensor state[] = {start, start};
    const at::Tensor parameters[] = {weights(kKernel, training), weights(kRecurrent, training),
                                     weights(kBias, training), no_bias};
    const auto [output, hidden, cell] = at::lstm(embedded, state, parameters, /*has_biases=*/true,
                                                 /*num_layers=*/1, /*dropout=*/0.0, training,
                                                 /*bidirectional=*/false, /*batch_first=*/false);
    return settings.mask ? states_at(output, batch.last_steps()) : hidden[0];
  }

  /// Each row's state at its own last step; zeros for a row without a token.
  static at::Tensor states_at(const at::Tensor& output, const std::vector<std::int64_t>& last_steps) {
    const auto rows = static_cast<std::int64_t>(last_steps.size());
    at::Tensor steps = at::empty({rows}, at::kLong);
    at::Tensor present = at::empty({rows, 1}, at::kFloat);
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t last = last_steps[static_cast<std::size_t>(row)];
      steps.data_ptr<std::int64_t>()[row] = std::max<std::int64_t>(last, 0);
      present.data_ptr<float>()[row] = last < 0 ? 0.0F : 1.0F;
    }
    return output.index({steps, at::arange(rows, at::kLong)}).mul(present);
  }

  Dropping dropping_at(std::uint64_t index) const {
    return {Dropout(settings.dropout, Random(settings.seed, Stream::kDropout, index)),
            Dropout(settings.dense_dropout, Random(settings.seed, Stream::kDenseDropout, index))};
  }

  static at::Tensor drop(const at::Tensor& states, const Dropout& dropout) {
    if (!dropout.active()) return states;
    const at::Tensor mask = at::ones_like(states, at::TensorOptions().requires_grad(false));
    const auto values = span_of(mask);
    dropout.copy(std::vector<float>(values.begin(), values.end()), 0, values.data());
    return states.mul(mask);
  }

  at::Tensor dense(const at::Tensor& states, bool training) const {
    return at::linear(states, weights(kDenseKernel, training), weights(kDenseBias, training));
  }

  const at::Tensor& weights(Parameter which, bool training) const {
    return training ? slots[which].weights : slots[which].scored;
  }

  at::Tensor embed(const TokenBatch& batch) const {
    return at::empty({static_cast<std::int64_t>(batch.steps()), static_cast<std::int64_t>(batch.rows()),
                      settings.embedding},
                     at::kFloat);
  }

  /// Sum of the rows' losses.
  at::Tensor loss_of(const at::Tensor& logits, std::span<const std::int32_t> targets) const {
    if (settings.dense > 1) {
      at::Tensor classes = at::empty({static_cast<std::int64_t>(targets.size())}, at::kLong);
      std::copy(targets.begin(), targets.end(), classes.data_ptr<std::int64_t>());
      return at::cross_entropy_loss(logits, classes, {}, at::Reduction::Sum);
    }
    at::Tensor answers = at::empty({static_cast<std::int64_t>(targets.size()), 1}, at::kFloat);
    std::copy(targets.begin(), targets.end(), answers.data_ptr<float>());
    return at::binary_cross_entropy_with_logits(logits, answers, {}, {}, at::Reduction::Sum);
  }

  StepReport step(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                  std::uint64_t number) {
    for (std::size_t i = kTable + 1; i < slots.size(); ++i) slots[i].gradients.zero_();
    embedding.clear(span_of(slots[kTable].gradients), squares);
    const auto length = static_cast<std::size_t>(settings.length);
    const std::size_t rows = rows_at_once(targets.size());
    StepReport report;
    for (std::size_t begin = 0; begin < targets.size(); begin += rows) {
      const auto some = targets.subspan(begin, std::min(rows, targets.size() - begin));
      const Dropping dropping = dropping_at(number << 16 | begin / rows);
      report.loss += add_gradients(batch_of(tokens.subspan(begin * length, some.size() * length)), some,
                                   dropping, static_cast<double>(targets.size()));
      if (!std::isfinite(report.loss)) return report;
    }
    report.gradient_norm = clip();
    if (!std::isfinite(report.gradient_norm)) return report;
    adam();
    if (settings.average && (number + 1) % kAverageSteps == 0) average((number + 1) / kAverageSteps);
    return report;
  }

  /// Forward and backward of some rows of a step of `step_rows`; returns their share of its mean loss.
  double add_gradients(const TokenBatch& batch, std::span<const std::int32_t> targets,
                       const Dropping& dropping, double step_rows) {
    at::Tensor embedded = embed(batch);
    gather_rows(batch, span_of(slots[kTable].weights), dropping.embedded, span_of(embedded));
    embedded.requires_grad_(true);
    const at::Tensor loss =
        loss_of(dense(drop(last_states(embedded, batch, true), dropping.states), true), targets)
            .div(step_rows);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) return value;
    loss.backward();
    embedding.add(batch, span_of(embedded.grad()), dropping.embedded, span_of(slots[kTable].gradients),
                  squares);
    return value;
  }

  /// Scales all gradients down to the bound; returns their norm before.
  double clip() {
    double sum = embedding.square_sum(span_of(slots[kTable].gradients));
    for (std::size_t i = kTable + 1; i < slots.size(); ++i) sum += square_sum(span_of(slots[i].gradients));
    const double norm = std::sqrt(sum);
    if (settings.clip_norm <= 0 || norm <= settings.clip_norm) return norm;
    const auto factor = static_cast<float>(settings.clip_norm / norm);
    embedding.scale(span_of(slots[kTable].gradients), factor);
    if (settings.token_moments) embedding.scale(squares, factor * factor);
    for (std::size_t i = kTable + 1; i < slots.size(); ++i) slots[i].gradients.mul_(factor);
    return norm;
  }

  void adam() {
    const at::NoGradGuard no_grad;
    if (settings.token_moments)
      embedding.weigh_occurrences(span_of(slots[kTable].gradients), squares, kBeta2,
                                  span_of(slots[kTable].second));
    std::vector<at::Tensor> weights, gradients, first, second, steps;
    for (Slot& slot : slots) {
      slot.steps.add_(1);
      weights.push_back(slot.weights);
      gradients.push_back(slot.gradients);
      first.push_back(slot.first);
      second.push_back(slot.second);
      steps.push_back(slot.steps);
    }
    // Keras adds epsilon before it corrects the second moment's bias, torch after: only on small gradients in
    // the first steps is there a difference to see.
    const double epsilon = kEpsilon / std::sqrt(1 - std::pow(kBeta2, slots[0].steps.item<double>()));
    at::_fused_adam_(weights, gradients, first, second, {}, steps, settings.learning_rate, kBeta1, kBeta2,
                     /*weight_decay=*/0, epsilon, /*amsgrad=*/false, /*maximize=*/false);
  }

  void average(std::uint64_t update) {
    const at::NoGradGuard no_grad;
    const double share = 9 / (static_cast<double>(update) + 9);
    for (Slot& slot : slots) slot.scored.lerp_(slot.weights, share);
  }

  std::vector<float> logits(std::span<const std::int32_t> tokens) const {
    const at::NoGradGuard no_grad;
    const auto length = static_cast<std::size_t>(settings.length);
    const std::size_t piece =
        static_cast<std::size_t>(settings.batch_size) * length;  // what memory a step takes
    std::vector<float> all;
    all.reserve(tokens.size() / length * static_cast<std::size_t>(settings.dense));
    for (std::size_t begin = 0; begin < tokens.size(); begin += piece) {
      const TokenBatch batch = batch_of(tokens.subspan(begin, std::min(piece, tokens.size() - begin)));
      const at::Tensor embedded = embed(batch);
      gather_rows(batch, span_of(slots[kTable].scored), Dropout::none(), span_of(embedded));
      const at::Tensor values = dense(last_states(embedded, batch, false), false).contiguous();
      all.insert(all.end(), span_of(values).begin(), span_of(values).end());
    }
    return all;
  }
};

class TorchLstmNet final : public LstmNet {
 public:
  TorchLstmNet(const LstmSettings& settings, const std::vector<NamedTensor>& weights)
      : state_(settings, weights) {}

  Result<StepReport> step(std::span<const std::int32_t> tokens, std::span<const std::int32_t> targets,
                          std::uint64_t number) override {
    return guarded([&] { return state_.step(tokens, targets, number); });
  }

  Result<std::vector<float>> logits(std::span<const std::int32_t> tokens) override {
    return guarded([&] { return state_.logits(tokens); });
  }

  std::vector<ParameterView> parameters() override {
    std::vector<ParameterView> views;
    for (const Slot& slot : state_.slots) {
      const auto sizes = slot.weights.sizes();
      views.push_back({slot.name, Shape(sizes.begin(), sizes.end()), span_of(slot.weights),
                       span_of(slot.scored), span_of(slot.gradients), span_of(slot.first),
                       span_of(slot.second)});
    }
    return views;
  }

  void set_steps(std::int64_t steps) override {
    for (Slot& slot : state_.slots) slot.steps.fill_(static_cast<double>(steps));
  }

 private:
  State state_;
};

}  // namespace

extern "C" void amas_make_lstm_net(const LstmSettings& settings, const std::vector<NamedTensor>& weights,
                                   Result<std::unique_ptr<LstmNet>>& made) {
  made = guarded(
      [&]() -> std::unique_ptr<LstmNet> { return std::make_unique<TorchLstmNet>(settings, weights); });
}

}  // namespace amas::engine::torch_lstm
