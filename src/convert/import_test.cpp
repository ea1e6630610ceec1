#include "convert/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/file.h"
#include "convert/testing.h"
#include "model/onnx.h"
#include "model/onnx_graph.h"

namespace amas::convert {
namespace {

using onnx::TensorProto;

class Import : public testing::Test {
 protected:
  Result<Imported> import(const std::string& onnx, ImportOptions options = {}) {
    EXPECT_TRUE(write_file_atomic(folder_.path() / "net.onnx", onnx));
    options.path = folder_.path() / "net.onnx";
    if (options.name.empty()) options.name = "net";
    return import_model(options, *store_, *engines_);
  }

  static std::string text_lstm() {
    model::TextLstm net{.vocabulary = 50, .embedding = 8, .units = 8, .dense = 1, .length = 12};
    std::mt19937 random(3);
    const auto fill = [&](std::vector<float>& values, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i)
        values.push_back(static_cast<float>(random() % 2000) / 1000.0F - 1.0F);
    };
    fill(net.table, 50 * 8);
    fill(net.kernel, 4 * 8 * 8);
    fill(net.recurrent, 4 * 8 * 8);
    fill(net.bias, 4 * 8);
    fill(net.dense_kernel, 8);
    fill(net.dense_bias, 1);
    return model::export_text_lstm(net);
  }

  TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_ = std::move(*store::Store::open(folder_.path() / "home"));
  std::unique_ptr<engine::EngineSet> engines_ = test_engines();
};

TEST_F(Import, registers_a_graph_once) {
  const auto first = import(affine_model().SerializeAsString());
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->version.version, 1);
  EXPECT_FALSE(first->was_there);
  EXPECT_TRUE(first->manifest.has_rows);
  EXPECT_EQ(first->manifest.task, "inference");
  const auto& signature = first->manifest.signatures.at("serving_default");
  EXPECT_EQ(signature.inputs[0].name, "x");
  EXPECT_EQ(signature.inputs[0].shape, (Shape{-1, 3}));
  ASSERT_EQ(first->measured.size(), 1u);
  EXPECT_GT(first->measured[0].latency_p99_us, 0);
  const auto again = import(affine_model().SerializeAsString());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->version.version, 1);
  EXPECT_EQ(again->version.digest, first->version.digest);
  // Other options make another version.
  const auto labelled = import(affine_model().SerializeAsString(), {.labels = {"a", "b"}});
  ASSERT_TRUE(labelled);
  EXPECT_EQ(labelled->version.version, 2);
  EXPECT_EQ(labelled->manifest.task, "binary_classification");
}

TEST_F(Import, refuses_labels_that_do_not_fit) {
  const auto imported = import(affine_model().SerializeAsString(), {.labels = {"a", "b", "c"}});
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, Code::kInvalidArgument);
  EXPECT_NE(imported.error().message.find("3 labels, and it gives y float32 [-1,2]"), std::string::npos);
  EXPECT_TRUE(store_->models()->empty());
}

TEST_F(Import, tries_compiled_engines_and_keeps_those_that_answer_alike) {
  const auto imported = import(text_lstm());
  ASSERT_TRUE(imported) << imported.error().message;
  const auto* compiled = imported->manifest.find_variant("compiled-float32");
  ASSERT_NE(compiled, nullptr);
  EXPECT_EQ(compiled->engine, "sequence");
  EXPECT_TRUE(compiled->allowed);
  EXPECT_LT(compiled->details.at("largest_difference").get<double>(), 1e-4);
  ASSERT_NE(imported->manifest.find_variant("compiled-int16"), nullptr);
  EXPECT_EQ(imported->manifest.find_variant("compiled-int8"), nullptr);
  EXPECT_EQ(imported->manifest.find_variant("int8"), nullptr);
  EXPECT_EQ(imported->measured.size(), imported->manifest.variants.size());
}

TEST_F(Import, tries_int8_on_rows_of_the_user) {
  const auto rows = [](const model::Signature&) -> Result<std::vector<Tensor>> {
    std::vector<std::int32_t> tokens;
    for (int i = 0; i < 20 * 12; ++i) tokens.push_back(i * 7 % 50);
    std::vector<Tensor> inputs;
    inputs.push_back(Tensor::of<std::int32_t>({20, 12}, tokens));
    return inputs;
  };
  const auto imported = import(text_lstm(), {.read_rows = rows});
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_NE(imported->manifest.find_variant("compiled-int8"), nullptr);
  const auto wrong =
      import(text_lstm(), {.read_rows = [](const model::Signature&) -> Result<std::vector<Tensor>> {
               std::vector<Tensor> inputs;
               inputs.push_back(Tensor::of<std::int32_t>({1, 2}, std::vector<std::int32_t>{1, 2}));
               return inputs;
             }});
  EXPECT_EQ(wrong.error().code, Code::kInvalidArgument);
}

TEST_F(Import, knows_rows_by_trying) {
  // Each row minus the largest of the batch: a batch of any size whose rows are not alone.
  onnx::ModelProto mixing = affine_model();
  auto& graph = *mixing.mutable_graph();
  graph.mutable_node(0)->set_output(0, "z");
  graph.mutable_node(0)->set_name("z");
  auto& largest = model::add_node(graph, "ReduceMax", {"z"}, "m");
  const std::array<std::int64_t, 1> axes{0};
  model::set_ints(largest, "axes", axes);
  model::add_node(graph, "Sub", {"z", "m"}, "y");
  const auto imported = import(mixing.SerializeAsString());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_FALSE(imported->manifest.has_rows);
  ASSERT_EQ(imported->notes.size(), 1u);
  EXPECT_NE(imported->notes[0].find("otherwise together than alone"), std::string::npos);
  onnx::ModelProto fixed = affine_model();
  fixed.mutable_graph()
      ->mutable_input(0)
      ->mutable_type()
      ->mutable_tensor_type()
      ->mutable_shape()
      ->mutable_dim(0)
      ->set_dim_value(1);
  EXPECT_FALSE(import(fixed.SerializeAsString())->manifest.has_rows);
}

TEST_F(Import, takes_a_graph_that_runs_on_nothing_made_up) {
  // A table of one row, asked for row 7 + x: nothing works.
  onnx::ModelProto strict = model::empty_model("strict");
  auto& graph = *strict.mutable_graph();
  *graph.add_input() = model::make_value_info("x", TensorProto::INT64, {-1});
  *graph.add_output() = model::make_value_info("y", TensorProto::FLOAT, {-1});
  model::add_constant<float>(graph, "table", {1}, std::array<float, 1>{1});
  model::add_constant<std::int64_t>(graph, "seven", {1}, std::array<std::int64_t, 1>{7});
  model::add_node(graph, "Add", {"x", "seven"}, "index");
  model::add_node(graph, "Gather", {"table", "index"}, "y");
  const auto imported = import(strict.SerializeAsString());
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_FALSE(imported->manifest.has_rows);
  EXPECT_TRUE(imported->measured.empty());
  EXPECT_NE(imported->notes.at(0).find("--rows"), std::string::npos);
}

TEST_F(Import, refuses_graphs_that_are_malformed) {
  onnx::ModelProto cyclic = affine_model();
  auto& graph = *cyclic.mutable_graph();
  graph.mutable_node(0)->set_input(0, "loop");
  model::add_node(graph, "Relu", {"y"}, "loop");
  EXPECT_EQ(import(cyclic.SerializeAsString()).error().code, Code::kInvalidArgument);
  onnx::ModelProto lying = affine_model();
  lying.mutable_graph()->mutable_initializer(0)->set_dims(0, 1'000'000'000);
  EXPECT_FALSE(import(lying.SerializeAsString()));
  EXPECT_TRUE(store_->models()->empty());
}

TEST(Proof, measures_how_far_answers_are_apart) {
  const auto one = [](std::vector<float> values) {
    std::vector<Tensor> list;
    list.push_back(Tensor::of<float>({static_cast<std::int64_t>(values.size())}, values));
    return list;
  };
  const Difference difference = compare(one({1, 100, NAN}), one({1.5, 101, NAN}));
  EXPECT_DOUBLE_EQ(difference.largest, 0.5);
  EXPECT_NEAR(difference.mean, 0.51 / 3, 1e-9);
  EXPECT_TRUE(std::isinf(compare(one({1}), one({NAN})).largest));
  EXPECT_TRUE(std::isinf(compare(one({1}), one({1, 2})).largest));
  EXPECT_FALSE(is_near(compare(one({1}), one({NAN})), "int8"));
  EXPECT_TRUE(is_near({.largest = 1e-5}, "float32"));
  EXPECT_FALSE(is_near({.largest = 1e-3}, "float32"));
  EXPECT_TRUE(is_near({.largest = 5e-3, .mean = 5e-4}, "int16"));
  EXPECT_FALSE(is_near({.largest = 5e-3, .mean = 5e-3}, "int16"));
}

TEST(Name, is_made_of_the_path) {
  EXPECT_EQ(name_for("/a/b c/net (1).onnx"), "net--1-");
  EXPECT_EQ(name_for("-x.onnx"), "x");
  EXPECT_EQ(name_for("größe.onnx"), "gr----e");
}

}  // namespace
}  // namespace amas::convert
