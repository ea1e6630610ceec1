#include "model/onnx.h"

#include <gtest/gtest.h>

#include <random>

#include "base/limits.h"
#include "model/onnx_graph.h"

namespace amas::model {
namespace {

std::vector<float> random_floats(std::int64_t count, std::mt19937& random) {
  std::uniform_real_distribution<float> any(-1.0F, 1.0F);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = any(random);
  return values;
}

TextLstm random_net(std::int64_t dense, bool mask) {
  std::mt19937 random(3);
  TextLstm net{.vocabulary = 11, .embedding = 3, .units = 5, .dense = dense, .length = 7, .mask = mask};
  net.table = random_floats(11 * 3, random);
  net.kernel = random_floats(20 * 3, random);
  net.recurrent = random_floats(20 * 5, random);
  net.bias = random_floats(20, random);
  net.dense_kernel = random_floats(5 * dense, random);
  net.dense_bias = random_floats(dense, random);
  return net;
}

onnx::ModelProto parsed(const std::string& bytes) {
  auto model = parse_onnx(bytes);
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

onnx::NodeProto& node_of(onnx::ModelProto& model, std::string_view op) {
  for (auto& node : *model.mutable_graph()->mutable_node())
    if (node.op_type() == op) return node;
  throw std::runtime_error("no such node");
}

TEST(ExportTextLstm, gives_back_the_same_weights_on_import) {
  for (const std::int64_t dense : {1, 2, 4})
    for (const bool mask : {false, true}) {
      const TextLstm net = random_net(dense, mask);
      const auto read = import_text_lstm(parsed(export_text_lstm(net)));
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(read->vocabulary, 11);
      EXPECT_EQ(read->embedding, 3);
      EXPECT_EQ(read->units, 5);
      EXPECT_EQ(read->dense, dense);
      EXPECT_EQ(read->length, 7);
      EXPECT_EQ(read->mask, mask);
      EXPECT_EQ(read->table, net.table);
      EXPECT_EQ(read->kernel, net.kernel);
      EXPECT_EQ(read->recurrent, net.recurrent);
      EXPECT_EQ(read->bias, net.bias);
      EXPECT_EQ(read->dense_kernel, net.dense_kernel);
      EXPECT_EQ(read->dense_bias, net.dense_bias);
    }
}

TEST(ExportTextLstm, states_versions_producer_and_signature) {
  const auto model = parsed(export_text_lstm(random_net(1, false)));
  EXPECT_EQ(model.ir_version(), 8);
  EXPECT_EQ(model.opset_import(0).version(), 17);
  EXPECT_EQ(model.producer_name(), "amas");
  EXPECT_EQ(model.graph().input(0).name(), "tokens");
  EXPECT_EQ(model.graph().output(0).name(), "scores");
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(1).dim_value(), 2);
}

TEST(ExportTextLstm, gives_the_same_bytes_for_the_same_weights) {
  const std::string bytes = export_text_lstm(random_net(2, true));
  EXPECT_EQ(bytes, export_text_lstm(random_net(2, true)));
  EXPECT_EQ(bytes, serialise_onnx(parsed(bytes)));
}

TEST(ExportSparseLinear, gives_the_same_bytes_for_the_same_weights) {
  const SparseLinear model{.features = 3, .dense = 1, .weights = {0, 1, 2}, .bias = {0.5F}};
  EXPECT_EQ(export_sparse_linear(model), export_sparse_linear(model));
  EXPECT_EQ(parsed(export_sparse_linear(model)).graph().input_size(), 2);
}

TEST(ExportSparseLinear, gives_back_the_same_weights_on_import) {
  for (const std::int64_t dense : {1, 3}) {
    std::mt19937 random(4);
    SparseLinear linear{.features = 6, .dense = dense};
    linear.weights = random_floats(6 * dense, random);
    linear.bias = random_floats(dense, random);
    const auto read = import_sparse_linear(parsed(export_sparse_linear(linear)));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->features, 6);
    EXPECT_EQ(read->dense, dense);
    EXPECT_EQ(read->weights, linear.weights);
    EXPECT_EQ(read->bias, linear.bias);
  }
  EXPECT_EQ(import_sparse_linear(parsed(export_text_lstm(random_net(1, false)))).error().code,
            Code::kUnimplemented);
}

TEST(ParseOnnx, refuses_what_is_no_model) {
  for (const std::string_view bytes : {"", "hello", "\x08\x08", "{\"a\":1}"})
    EXPECT_EQ(parse_onnx(bytes).error().code, Code::kInvalidArgument) << bytes;
  const std::string bytes = export_text_lstm(random_net(1, false));
  EXPECT_EQ(parse_onnx(std::string_view(bytes).substr(0, bytes.size() / 2)).error().code,
            Code::kInvalidArgument);
}

TEST(ParseOnnx, refuses_files_beyond_the_limit_without_reading_them) {
  const std::string_view huge("x", limits::kOnnxBytesMax + 1);
  EXPECT_EQ(parse_onnx(huge).error().code, Code::kResourceExhausted);
}

TEST(ImportTextLstm, says_that_other_graphs_are_not_for_it) {
  const SparseLinear linear{.features = 3, .dense = 1, .weights = {0, 1, 2}, .bias = {0.5F}};
  EXPECT_EQ(import_text_lstm(parsed(export_sparse_linear(linear))).error().code, Code::kUnimplemented);

  const auto original = parsed(export_text_lstm(random_net(1, true)));
  auto backwards = original;
  set_int(node_of(backwards, "LSTM"), "layout", 1);
  EXPECT_EQ(import_text_lstm(backwards).error().code, Code::kUnimplemented);
  auto longer = original;
  add_node(*longer.mutable_graph(), "Relu", {"scores"}, "again");
  EXPECT_EQ(import_text_lstm(longer).error().code, Code::kUnimplemented);
  auto cut = original;
  node_of(cut, "Gemm").clear_input();
  EXPECT_EQ(import_text_lstm(cut).error().code, Code::kUnimplemented);
}

TEST(ImportTextLstm, refuses_weights_that_do_not_have_the_size_of_their_dims) {
  auto model = parsed(export_text_lstm(random_net(1, false)));
  model.mutable_graph()->mutable_initializer(0)->mutable_raw_data()->resize(8);
  EXPECT_EQ(import_text_lstm(model).error().code, Code::kInvalidArgument);
  auto huge = parsed(export_text_lstm(random_net(1, false)));
  huge.mutable_graph()->mutable_initializer(0)->set_dims(0, std::int64_t{1} << 62);
  EXPECT_EQ(import_text_lstm(huge).error().code, Code::kInvalidArgument);
}

TEST(ReadConstant, reads_typed_and_raw_data_and_refuses_other_files) {
  onnx::TensorProto typed;
  typed.set_data_type(onnx::TensorProto::FLOAT);
  typed.add_dims(2);
  typed.add_float_data(1.5F);
  EXPECT_EQ(read_constant<float>(typed).error().code, Code::kInvalidArgument);
  typed.add_float_data(-2.0F);
  EXPECT_EQ(*read_constant<float>(typed), (std::vector<float>{1.5F, -2.0F}));
  EXPECT_EQ(read_constant<std::int64_t>(typed).error().code, Code::kInvalidArgument);
  typed.set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(read_constant<float>(typed).error().code, Code::kUnimplemented);
}

}  // namespace
}  // namespace amas::model
