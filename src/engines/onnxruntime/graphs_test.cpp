// The graphs that model and optimise write, run by the engine and held against formulas in double precision.

#include <gtest/gtest.h>

#include <array>

#include "base/file.h"
#include "engines/onnxruntime/onnxruntime_engine.h"
#include "engines/onnxruntime/reference_scores.h"
#include "model/onnx_graph.h"
#include "optimise/optimise.h"

namespace amas::engines {
namespace {

using model::SparseLinear;
using model::TextLstm;

const fs::path kLibrary = fs::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0";
/// fp32 sums of a few hundred terms of size 1.
constexpr double kFp32Tolerance = 1e-5;

std::vector<float> run(const std::string& onnx, const std::vector<Tensor>& inputs) {
  static const auto engine = open_onnxruntime(kLibrary);
  if (!engine) throw std::runtime_error(engine.error().message);
  const auto model = (*engine)->load(onnx, {});
  if (!model) throw std::runtime_error(model.error().message);
  const auto outputs = (*model)->run(std::vector<TensorView>(inputs.begin(), inputs.end()));
  if (!outputs) throw std::runtime_error(outputs.error().message);
  const auto values = (*outputs)[0].data<float>();
  return {values.begin(), values.end()};
}

std::string must(Result<std::string> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

/// The largest difference between what a graph answers for these tokens and what `net` must.
double difference(const std::string& onnx, const TextLstm& net, const Tensor& tokens) {
  const std::vector<float> scores = run(onnx, {tokens});
  const auto length = static_cast<std::size_t>(net.length);
  double largest = 0;
  std::size_t at = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(tokens.rows()); ++row)
    for (const double score :
         reference::scores(net, tokens.data<std::int32_t>().subspan(row * length, length)))
      largest = std::max(largest, std::abs(score - scores[at++]));
  EXPECT_EQ(at, scores.size());
  return largest;
}

struct SparseRows {
  Tensor indices, values;
};

SparseRows random_rows(std::int64_t rows, std::int64_t count, std::int64_t features) {
  std::mt19937 random(6);
  SparseRows sparse{Tensor(DType::kInt32, {rows, count}), Tensor(DType::kFloat32, {rows, count})};
  for (auto& index : sparse.indices.data<std::int32_t>())
    index = static_cast<std::int32_t>(random() % features);
  const auto values = reference::normal(rows * count, 0.3F, random);
  std::ranges::copy(values, sparse.values.data<float>().begin());
  return sparse;
}

double difference(const std::string& onnx, const SparseLinear& linear, const SparseRows& sparse) {
  const std::vector<float> scores = run(onnx, {sparse.indices, sparse.values});
  const auto count = static_cast<std::size_t>(sparse.indices.shape()[1]);
  double largest = 0;
  std::size_t at = 0;
  for (std::size_t row = 0; row < static_cast<std::size_t>(sparse.indices.rows()); ++row)
    for (const double score :
         reference::scores(linear, sparse.indices.data<std::int32_t>().subspan(row * count, count),
                           sparse.values.data<float>().subspan(row * count, count)))
      largest = std::max(largest, std::abs(score - scores[at++]));
  EXPECT_EQ(at, scores.size());
  return largest;
}

SparseLinear random_linear(std::int64_t features, std::int64_t dense) {
  std::mt19937 random(8);
  SparseLinear linear{.features = features, .dense = dense};
  linear.weights = reference::normal(features * dense, 1, random);
  std::fill_n(linear.weights.begin(), dense, 0.0F);
  linear.bias = reference::normal(dense, 0.3F, random);
  return linear;
}

TEST(TextLstmGraph, answers_what_the_formulas_say) {
  for (const std::int64_t dense : {1, 3})
    for (const bool mask : {false, true}) {
      const TextLstm net = reference::random_net(
          {.vocabulary = 50, .embedding = 12, .units = 24, .dense = dense, .length = 40, .mask = mask});
      // The first row is all padding, the last has none.
      EXPECT_LE(difference(model::export_text_lstm(net), net, reference::random_tokens(9, 40, 50)),
                kFp32Tolerance)
          << dense << mask;
    }
}

TEST(SparseLinearGraph, answers_what_the_formulas_say) {
  for (const std::int64_t dense : {1, 4}) {
    const SparseLinear linear = random_linear(500, dense);
    EXPECT_LE(difference(model::export_sparse_linear(linear), linear, random_rows(7, 60, 500)),
              kFp32Tolerance);
  }
}

/// Rounds values to this many steps on either side of zero, as int8 weights with one scale are.
void round_to(std::span<float> values, int steps) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  if (largest == 0) return;
  const float step = largest / static_cast<float>(steps);
  for (float& value : values) value = std::round(value / step) * step;
}

void round_rows(TextLstm& net) {
  const auto columns = static_cast<std::size_t>(net.embedding);
  for (std::size_t at = 0; at < net.table.size(); at += columns)
    round_to(std::span(net.table).subspan(at, columns), 127);
}

TEST(Int8, rounds_each_row_of_a_table_to_127_steps_of_its_own) {
  // With 8 units the LSTM is too small to be quantised, so only the table differs.
  TextLstm net = reference::random_net({.vocabulary = 300, .embedding = 16, .units = 8, .length = 30});
  for (std::size_t i = 0; i < 16; ++i) net.table[i] *= 100;  // a large row must not coarsen the others
  std::fill_n(net.table.begin() + 16, 16, 0.0F);
  const std::string int8 = must(optimise::quantise_int8(model::export_text_lstm(net)));
  round_rows(net);
  EXPECT_LE(difference(int8, net, reference::random_tokens(9, 30, 300)), kFp32Tolerance);
}

TEST(Int8, makes_a_text_lstm_a_quarter_of_its_size_and_hardly_changes_its_scores) {
  for (const bool mask : {false, true}) {
    TextLstm net = reference::random_net(
        {.vocabulary = 2000, .embedding = 32, .units = 32, .dense = 1, .length = 50, .mask = mask});
    const std::string onnx = model::export_text_lstm(net), int8 = must(optimise::quantise_int8(onnx));
    EXPECT_LE(int8.size(), onnx.size() * 3 / 10);
    round_rows(net);
    round_to(net.kernel, 64);
    round_to(net.recurrent, 64);
    // What is left is the rounding of inputs and states to 8 bits at each of 50 steps: 0.002 on this net. A
    // wrong layout or scale gives more than 0.3.
    EXPECT_LE(difference(int8, net, reference::random_tokens(9, 50, 2000)), 0.006);
  }
}

TEST(Int8, rounds_each_column_of_a_linear_model_to_127_steps) {
  for (const std::int64_t dense : {1, 4}) {
    SparseLinear linear = random_linear(6000, dense);
    const std::string onnx = model::export_sparse_linear(linear), int8 = must(optimise::quantise_int8(onnx));
    EXPECT_LE(int8.size(), onnx.size() * 3 / 10);
    for (std::size_t column = 0; column < static_cast<std::size_t>(dense); ++column) {
      std::vector<float> values;
      for (std::size_t i = column; i < linear.weights.size(); i += static_cast<std::size_t>(dense))
        values.push_back(linear.weights[i]);
      round_to(values, 127);
      for (std::size_t i = 0; i < values.size(); ++i)
        linear.weights[i * static_cast<std::size_t>(dense) + column] = values[i];
    }
    EXPECT_LE(difference(int8, linear, random_rows(7, 60, 6000)), kFp32Tolerance);
  }
}

TEST(Int8, answers_the_same_again_when_rows_are_empty) {
  const TextLstm net =
      reference::random_net({.vocabulary = 2000, .embedding = 32, .units = 32, .length = 50, .mask = true});
  const std::string int8 = must(optimise::quantise_int8(model::export_text_lstm(net)));
  const Tensor tokens = reference::random_tokens(9, 50, 2000);
  const auto first = run(int8, {tokens});
  for (int i = 0; i < 20; ++i) EXPECT_EQ(run(int8, {tokens}), first);
  const Tensor empty(DType::kInt32, {3, 50});
  EXPECT_LE(difference(int8, net, empty), kFp32Tolerance);
}

/// x [N,128] → Gemm with a bias → MatMul, or the same with the matrix given turned.
std::string product_graph(std::span<const float> matrix, std::span<const float> bias, bool turned) {
  onnx::ModelProto model = model::empty_model("product");
  auto& graph = *model.mutable_graph();
  *graph.add_input() = model::make_value_info("x", onnx::TensorProto::FLOAT, {-1, 128});
  *graph.add_output() = model::make_value_info("y", onnx::TensorProto::FLOAT, {-1, 130});
  std::vector<float> stored(matrix.begin(), matrix.end());
  if (turned)
    for (std::size_t i = 0; i < matrix.size(); ++i) stored[i % 130 * 128 + i / 130] = matrix[i];
  if (turned) model::add_constant<float>(graph, "w", {130, 128}, stored);
  else model::add_constant<float>(graph, "w", {128, 130}, stored);
  model::add_constant<float>(graph, "b", {130}, bias);
  if (turned) model::set_int(model::add_node(graph, "Gemm", {"x", "w", "b"}, "y"), "transB", 1);
  else model::add_node(graph, "MatMul", {"x", "w"}, "y");
  return model::serialise_onnx(model);
}

TEST(Int8, keeps_products_within_the_steps_of_their_operands) {
  std::mt19937 random(9);
  const auto matrix = reference::normal(128 * 130, 1, random), bias = reference::normal(130, 1, random);
  Tensor x(DType::kFloat32, {5, 128});
  std::ranges::copy(reference::normal(5 * 128, 1, random), x.data<float>().begin());
  const auto [low, high] = std::ranges::minmax(x.data<float>());
  for (const bool turned : {false, true}) {
    const std::string onnx = product_graph(matrix, bias, turned), int8 = must(optimise::quantise_int8(onnx));
    EXPECT_LE(int8.size(), onnx.size() * 35 / 100);
    const auto y = run(int8, {x});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t row = i / 130, column = i % 130;
      double exact = turned ? bias[column] : 0, largest = 0, sum_x = 0, sum_w = 0;
      for (std::size_t k = 0; k < 128; ++k) {
        const double a = x.data<float>()[row * 128 + k], w = matrix[k * 130 + column];
        exact += a * w;
        largest = std::max(largest, std::abs(w));
        sum_x += std::abs(a);
        sum_w += std::abs(w);
      }
      // An input is off by up to a step of its range (half by rounding, half by the zero point's own), a
      // weight by half a step of its column.
      const double step_x = (high - low) / 255, step_w = largest / 64 / 2;
      EXPECT_LE(std::abs(y[i] - exact), step_x * sum_w + step_w * sum_x + 128 * step_x * step_w)
          << turned << i;
    }
  }
}

TEST(Prune, changes_nothing_when_it_cuts_what_has_no_weight) {
  TextLstm net =
      reference::random_net({.vocabulary = 100, .embedding = 6, .units = 16, .length = 20, .mask = true});
  // Every second unit gets no input and passes nothing on; rows from 40 up are one and the same.
  for (std::size_t unit = 0; unit < 16; unit += 2) {
    for (std::size_t gate = 0; gate < 4; ++gate) {
      std::fill_n(net.kernel.begin() + static_cast<std::ptrdiff_t>((gate * 16 + unit) * 6), 6, 0.0F);
      std::fill_n(net.recurrent.begin() + static_cast<std::ptrdiff_t>((gate * 16 + unit) * 16), 16, 0.0F);
    }
    for (std::size_t row = 0; row < 64; ++row) net.recurrent[row * 16 + unit] = 0;
    net.dense_kernel[unit] = 0;
  }
  for (std::size_t i = 40 * 6; i < net.table.size(); ++i) net.table[i] = 0.01F * static_cast<float>(i % 6);
  const std::string onnx = model::export_text_lstm(net);
  const std::string pruned = must(optimise::prune(onnx, {.keep_units = 0.5, .keep_vocabulary = 0.4}));
  EXPECT_LT(pruned.size(), onnx.size() * 6 / 10);
  EXPECT_LE(difference(pruned, net, reference::random_tokens(9, 20, 100)), kFp32Tolerance);
}

TEST(Prune, gives_rows_without_their_own_the_mean_of_those_they_share_it_with) {
  TextLstm net = reference::random_net({.vocabulary = 8, .embedding = 2, .units = 8, .length = 6});
  net.table = {0, 0, 0, 0, 9, 9, -9, -9, 1, 0, 0, 1, 0, -1, -1, 0};
  const std::string pruned =
      must(optimise::prune(model::export_text_lstm(net), {.keep_units = 1, .keep_vocabulary = 0.5}));
  std::fill(net.table.begin() + 8, net.table.end(), 0.0F);  // rows 4 to 7 share their mean, (0, 0)
  EXPECT_LE(difference(pruned, net, reference::random_tokens(7, 6, 8)), kFp32Tolerance);
}

TEST(Prune, drops_the_smallest_weights_of_a_linear_model) {
  SparseLinear linear = random_linear(1000, 3);
  for (std::size_t i = 0; i < linear.weights.size(); ++i)
    if (i / 3 % 5 != 0) linear.weights[i] = 0;
  const std::string onnx = model::export_sparse_linear(linear);
  const std::string pruned = must(optimise::prune(onnx, {.keep_units = 1, .keep_vocabulary = 0.2}));
  EXPECT_LT(pruned.size(), onnx.size() / 2);
  EXPECT_LE(difference(pruned, linear, random_rows(7, 60, 1000)), kFp32Tolerance);
}

TEST(Prune, indexes_more_rows_than_16_bits_can_count) {
  SparseLinear linear = random_linear(70'000, 2);
  for (std::size_t i = 2 * 67'000; i < linear.weights.size(); ++i) linear.weights[i] = 0;
  const std::string pruned = must(optimise::prune(model::export_sparse_linear(linear),
                                                  {.keep_units = 1, .keep_vocabulary = 66'999.0 / 69'999}));
  EXPECT_LE(difference(pruned, linear, random_rows(7, 60, 70'000)), kFp32Tolerance);
}

}  // namespace
}  // namespace amas::engines
