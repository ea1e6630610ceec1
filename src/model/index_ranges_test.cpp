#include "model/index_ranges.h"

#include <gtest/gtest.h>

#include <vector>

#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::model {
namespace {

using engine::ValueRange;
using onnx::TensorProto;
using Ranges = std::map<std::string, ValueRange>;

Ranges ranges_of(const std::string& bytes) {
  const auto model = parse_onnx(bytes);
  EXPECT_TRUE(model) << model.error().message;
  return index_ranges(model->graph());
}

/// A graph with the input `ids` and a table of so many rows by name.
onnx::ModelProto graph_with(std::initializer_list<std::pair<const char*, std::int64_t>> tables,
                            TensorProto::DataType type = TensorProto::INT64) {
  onnx::ModelProto model = empty_model("tables");
  auto& graph = *model.mutable_graph();
  *graph.add_input() = make_value_info("ids", type, {-1, 3});
  for (const auto& [name, rows] : tables)
    add_constant<float>(graph, name, {rows, 2}, std::vector<float>(static_cast<std::size_t>(rows) * 2));
  return model;
}

TEST(IndexRanges, are_the_rows_of_the_embedding_of_a_text_lstm) {
  TextLstm net{.vocabulary = 11, .embedding = 3, .units = 2, .dense = 1, .length = 4, .mask = true};
  net.table.resize(33);
  net.kernel.resize(24);
  net.recurrent.resize(16);
  net.bias.resize(8);
  net.dense_kernel.resize(2);
  net.dense_bias.resize(1);
  EXPECT_EQ(ranges_of(export_text_lstm(net)), (Ranges{{"tokens", {0, 10}}}));
}

TEST(IndexRanges, are_the_features_of_a_sparse_linear_model_and_leave_its_values_free) {
  SparseLinear linear{.features = 7, .dense = 2};
  linear.weights.resize(14);
  linear.bias.resize(2);
  EXPECT_EQ(ranges_of(export_sparse_linear(linear)), (Ranges{{"indices", {0, 6}}}));
}

TEST(IndexRanges, follow_an_input_through_casts_and_shapes_and_take_the_smallest_table) {
  auto model = graph_with({{"large", 9}, {"small", 5}});
  auto& graph = *model.mutable_graph();
  set_int(add_node(graph, "Cast", {"ids"}, "cast"), "to", TensorProto::INT32);
  add_node(graph, "Transpose", {"cast"}, "turned");
  add_node(graph, "Gather", {"large", "turned"}, "one");
  add_node(graph, "Gather", {"small", "ids"}, "two");
  EXPECT_EQ(index_ranges(graph), (Ranges{{"ids", {0, 4}}}));
}

TEST(IndexRanges, read_the_axis_that_is_picked_from) {
  auto model = graph_with({{"table", 9}});
  set_int(add_node(*model.mutable_graph(), "Gather", {"table", "ids"}, "columns"), "axis", -1);
  EXPECT_EQ(index_ranges(model.graph()), (Ranges{{"ids", {0, 1}}}));
}

TEST(IndexRanges, are_none_for_numbers_that_were_computed_or_that_pick_from_what_is_no_constant) {
  auto computed = graph_with({{"table", 9}});
  add_node(*computed.mutable_graph(), "Abs", {"ids"}, "positive");
  add_node(*computed.mutable_graph(), "Gather", {"table", "positive"}, "rows");
  EXPECT_EQ(index_ranges(computed.graph()), Ranges{});
  auto moving = graph_with({});
  *moving.mutable_graph()->add_input() = make_value_info("data", TensorProto::FLOAT, {-1, 3});
  add_node(*moving.mutable_graph(), "Gather", {"data", "ids"}, "rows");
  EXPECT_EQ(index_ranges(moving.graph()), Ranges{});
  auto floats = graph_with({{"table", 9}}, TensorProto::FLOAT);
  set_int(add_node(*floats.mutable_graph(), "Cast", {"ids"}, "cast"), "to", TensorProto::INT64);
  add_node(*floats.mutable_graph(), "Gather", {"table", "cast"}, "rows");
  EXPECT_EQ(index_ranges(floats.graph()), Ranges{});
}

}  // namespace
}  // namespace amas::model
