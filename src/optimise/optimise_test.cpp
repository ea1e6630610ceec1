#include "optimise/optimise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::optimise {
namespace {

model::TextLstm net_of(std::int64_t vocabulary, std::int64_t units) {
  model::TextLstm net{.vocabulary = vocabulary, .embedding = 32, .units = units, .length = 10};
  unsigned seed = 1;
  const auto values = [&seed](std::int64_t count) {
    std::vector<float> all(static_cast<std::size_t>(count));
    for (float& value : all)
      value = static_cast<float>((seed = seed * 1664525U + 1013904223U) >> 16) / 65536 - 0.5F;
    return all;
  };
  net.table = values(vocabulary * 32);
  net.kernel = values(4 * units * 32);
  net.recurrent = values(4 * units * units);
  net.bias = values(4 * units);
  net.dense_kernel = values(units);
  net.dense_bias = values(1);
  return net;
}

onnx::ModelProto parsed(const Result<std::string>& bytes) {
  if (!bytes) throw std::runtime_error(bytes.error().message);
  auto model = model::parse_onnx(*bytes);
  if (!model) throw std::runtime_error(model.error().message);
  return *model;
}

std::vector<std::string> operators(const onnx::ModelProto& model) {
  std::vector<std::string> all;
  for (const auto& node : model.graph().node()) all.push_back(node.op_type());
  return all;
}

onnx::NodeProto node_of(const onnx::ModelProto& model, std::string_view op) {
  for (const auto& node : model.graph().node())
    if (node.op_type() == op) return node;
  throw std::runtime_error("no such node");
}

TEST(QuantiseInt8, replaces_table_and_lstm_and_keeps_the_small_dense_layer) {
  const auto model = parsed(quantise_int8(model::export_text_lstm(net_of(200, 32))));
  EXPECT_EQ(operators(model),
            (std::vector<std::string>{"Transpose", "Gather", "Cast", "Gather", "Mul", "DynamicQuantizeLSTM",
                                      "Squeeze", "Gemm", "Softmax"}));
  EXPECT_EQ(model.opset_import(1).domain(), "com.microsoft");
  EXPECT_EQ(model::find_constant(model.graph(), "embedding"), nullptr);
  EXPECT_EQ(model::find_constant(model.graph(), "lstm_kernel"), nullptr);
  EXPECT_NE(model::find_constant(model.graph(), "dense_kernel"), nullptr);
}

TEST(QuantiseInt8, gives_the_same_bytes_for_the_same_graph) {
  const std::string onnx = model::export_text_lstm(net_of(200, 32));
  EXPECT_EQ(*quantise_int8(onnx), *quantise_int8(onnx));
}

TEST(QuantiseInt8, asks_a_masked_lstm_for_all_its_states_so_that_none_is_read_unwritten) {
  model::TextLstm net = net_of(200, 32);
  EXPECT_EQ(node_of(parsed(quantise_int8(model::export_text_lstm(net))), "DynamicQuantizeLSTM").output(0),
            "");
  net.mask = true;
  EXPECT_NE(node_of(parsed(quantise_int8(model::export_text_lstm(net))), "DynamicQuantizeLSTM").output(0),
            "");
}

TEST(QuantiseInt8, lets_nodes_that_share_a_table_go_on_sharing_it) {
  onnx::ModelProto model = model::empty_model("shared");
  auto& graph = *model.mutable_graph();
  const std::vector<float> table(300 * 32, 0.5F);
  model::add_constant<float>(graph, "table", {300, 32}, table);
  for (const char* name : {"a", "b"}) {
    *graph.add_input() = model::make_value_info(name, onnx::TensorProto::INT32, {-1});
    model::add_node(graph, "Gather", {"table", name}, std::string(name) + "_rows");
    *graph.add_output() =
        model::make_value_info(std::string(name) + "_rows", onnx::TensorProto::FLOAT, {-1, 32});
  }
  // A name that ours must not collide with.
  model::add_node(graph, "Identity", {"a"}, "table_int8");
  EXPECT_EQ(parsed(quantise_int8(model::serialise_onnx(model))).graph().initializer_size(), 2);
}

TEST(QuantiseInt8, leaves_constants_that_others_read_or_may_override) {
  onnx::ModelProto model = model::empty_model("overridable");
  auto& graph = *model.mutable_graph();
  const std::vector<float> table(300 * 32, 0.5F);
  model::add_constant<float>(graph, "table", {300, 32}, table);
  *graph.add_input() = model::make_value_info("a", onnx::TensorProto::INT32, {-1});
  model::add_node(graph, "Gather", {"table", "a"}, "rows");
  *graph.add_output() = model::make_value_info("rows", onnx::TensorProto::FLOAT, {-1, 32});
  onnx::ModelProto read_by_another = model;
  model::add_node(*read_by_another.mutable_graph(), "ReduceSum", {"table"}, "sum");
  EXPECT_EQ(parsed(quantise_int8(model::serialise_onnx(read_by_another))).graph().initializer_size(), 3);
  *graph.add_input() = model::make_value_info("table", onnx::TensorProto::FLOAT, {300, 32});
  EXPECT_EQ(quantise_int8(model::serialise_onnx(model)).error().code, Code::kUnimplemented);
}

TEST(QuantiseInt8, says_when_there_is_nothing_to_do) {
  model::TextLstm small = net_of(10, 8);
  EXPECT_EQ(quantise_int8(model::export_text_lstm(small)).error().code, Code::kUnimplemented);
  auto old = parsed(model::export_text_lstm(net_of(200, 32)));
  old.mutable_opset_import(0)->set_version(9);
  EXPECT_EQ(quantise_int8(model::serialise_onnx(old)).error().code, Code::kUnimplemented);
  EXPECT_EQ(quantise_int8("no graph").error().code, Code::kInvalidArgument);
}

TEST(QuantiseInt8, refuses_weights_that_are_not_finite_or_not_all_there) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    model::TextLstm net = net_of(200, 32);
    net.table[77] = bad;
    EXPECT_EQ(quantise_int8(model::export_text_lstm(net)).error().code, Code::kInvalidArgument);
  }
  auto cut = parsed(model::export_text_lstm(net_of(200, 32)));
  cut.mutable_graph()->mutable_initializer(0)->mutable_raw_data()->resize(100);
  EXPECT_EQ(quantise_int8(model::serialise_onnx(cut)).error().code, Code::kInvalidArgument);
}

TEST(KeptUnits, rounds_to_steps_of_eight_and_stays_within_what_there_is) {
  EXPECT_EQ(kept_units(64, 0.75), 48);
  EXPECT_EQ(kept_units(64, 0.7), 48);
  EXPECT_EQ(kept_units(64, 0.01), 8);
  EXPECT_EQ(kept_units(64, 1), 64);
  EXPECT_EQ(kept_units(20, 1), 20);
  EXPECT_EQ(kept_units(5, 0.5), 5);
}

TEST(Prune, cuts_the_units_with_the_least_weight_out_of_every_matrix) {
  model::TextLstm net = net_of(50, 16);
  for (std::size_t gate = 0; gate < 4; ++gate)
    for (std::size_t unit = 8; unit < 16; ++unit) net.bias[gate * 16 + unit] = 100;  // marks what must go
  for (std::size_t gate = 0; gate < 4; ++gate)
    std::fill_n(net.kernel.begin() + static_cast<std::ptrdiff_t>((gate * 16 + 8) * 32), 8 * 32, 0.001F);
  const auto small = model::import_text_lstm(
      parsed(prune(model::export_text_lstm(net), {.keep_units = 0.5, .keep_vocabulary = 1})));
  ASSERT_TRUE(small) << small.error().message;
  EXPECT_EQ(small->units, 8);
  EXPECT_EQ(small->vocabulary, 50);
  EXPECT_TRUE(std::ranges::none_of(small->bias, [](float value) { return value == 100; }));
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(small->dense_kernel[i], net.dense_kernel[i]);
  EXPECT_EQ(small->recurrent[9], net.recurrent[16 + 1]);  // gate 0, unit 1, from unit 1
}

TEST(Prune, keeps_the_rows_of_padding_and_the_unknown_word) {
  model::TextLstm net = net_of(50, 8);
  for (std::size_t i = 0; i < 64; ++i) net.table[i] = 0.25F;
  const auto model = parsed(prune(model::export_text_lstm(net), {.keep_units = 1, .keep_vocabulary = 0.1}));
  EXPECT_EQ(model.graph().initializer(0).dims(0), 6);
  const auto* row_of = model::find_constant(model.graph(), "row_of");
  ASSERT_NE(row_of, nullptr);
  EXPECT_EQ(row_of->dims(0), 50);
  EXPECT_EQ(row_of->data_type(), onnx::TensorProto::UINT16);
  const auto rows = model::read_constant<std::uint16_t>(*row_of);
  ASSERT_TRUE(rows);
  EXPECT_EQ((*rows)[0], 0);
  EXPECT_EQ((*rows)[1], 1);
  EXPECT_EQ(std::ranges::count(*rows, 5), 45);
}

TEST(Prune, refuses_shares_outside_their_range_and_other_graphs) {
  const std::string onnx = model::export_text_lstm(net_of(50, 8));
  for (const double share : {0.0, -1.0, 1.01, std::nan("")}) {
    EXPECT_EQ(prune(onnx, {.keep_units = share}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(prune(onnx, {.keep_vocabulary = share}).error().code, Code::kInvalidArgument);
  }
  EXPECT_EQ(prune("no graph", {}).error().code, Code::kInvalidArgument);
  onnx::ModelProto other = model::empty_model("other");
  EXPECT_EQ(prune(model::serialise_onnx(other), {}).error().code, Code::kUnimplemented);
  auto cut = parsed(onnx);
  cut.mutable_graph()->mutable_initializer(1)->mutable_raw_data()->resize(4);
  EXPECT_EQ(prune(model::serialise_onnx(cut), {}).error().code, Code::kInvalidArgument);
}

/// Writes down the batches that it gets; the score of a row is its first index.
class BatchRecorder final : public engine::LoadedModel {
 public:
  const std::vector<engine::TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<engine::TensorSpec>& outputs() const override { return outputs_; }
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) override {
    batches.push_back(inputs[0].shape());
    Tensor scores(DType::kFloat32, {inputs[0].rows(), 1});
    for (std::size_t row = 0; row < scores.size(); ++row)
      scores.data<float>()[row] =
          static_cast<float>(inputs[0].data<std::int32_t>()[row * inputs[0].row_size()]);
    std::vector<Tensor> outputs;
    outputs.push_back(std::move(scores));
    return outputs;
  }
  std::vector<Shape> batches;

 private:
  std::vector<engine::TensorSpec> inputs_{{"indices", DType::kInt32, {-1, -1}},
                                          {"values", DType::kFloat32, {-1, -1}}};
  std::vector<engine::TensorSpec> outputs_{{"scores", DType::kFloat32, {-1, 1}}};
};

TEST(ScoreRows, does_not_pad_many_sparse_rows_to_a_long_one) {
  constexpr std::int64_t kLong = 200'000;  // 41 rows of it are 65.6 MB, within the bound; 42 are beyond
  std::vector<std::int64_t> starts{0};
  for (int row = 0; row < 100; ++row) starts.push_back(starts.back() + (row == 50 ? kLong : 2));
  std::vector<std::int32_t> indices(static_cast<std::size_t>(starts.back()), 1);
  for (std::size_t row = 0; row < 100; ++row)
    indices[static_cast<std::size_t>(starts[row])] = static_cast<std::int32_t>(row);
  std::vector<Tensor> inputs;
  inputs.push_back(Tensor::of<std::int32_t>({starts.back()}, indices));
  inputs.emplace_back(DType::kFloat32, Shape{starts.back()});
  inputs.push_back(Tensor::of<std::int64_t>({101}, starts));
  BatchRecorder model;
  const auto scores = score_rows(model, inputs);
  ASSERT_TRUE(scores) << scores.error().message;
  ASSERT_EQ(scores->size(), 100u);
  for (std::size_t row = 0; row < 100; ++row) EXPECT_EQ((*scores)[row], static_cast<float>(row));
  EXPECT_EQ(model.batches, (std::vector<Shape>{{50, 2}, {41, kLong}, {9, 2}}));
}

}  // namespace
}  // namespace amas::optimise
