#include "engines/onnxruntime/onnxruntime_engine.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "base/file.h"

namespace amas::engines {
namespace {

const fs::path kLibrary = fs::path(AMAS_THIRD_PARTY_DIR) / "onnxruntime/lib/libonnxruntime.so.1.32.0";

class OnnxRuntime : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_onnxruntime(kLibrary);
    ASSERT_TRUE(opened) << opened.error().message;
    engine_ = std::move(*opened);
  }
  /// Loads one of the graphs that tests/oracles/model_engine_graphs.py wrote.
  Result<std::unique_ptr<engine::LoadedModel>> load(const std::string& name) {
    AMAS_TRY(const std::string bytes, read_file(fs::path(AMAS_TEST_DATA_DIR) / (name + ".onnx")));
    return engine_->load(bytes, {});
  }
  std::unique_ptr<engine::LoadedModel> must_load(const std::string& name) {
    auto model = load(name);
    if (!model) throw std::runtime_error(model.error().message);
    return std::move(*model);
  }
  std::unique_ptr<engine::Engine> engine_;
};

Tensor floats(Shape shape, std::vector<float> values) { return Tensor::of<float>(std::move(shape), values); }

template <class T>
std::vector<T> values_of(const Tensor& tensor) {
  return {tensor.data<T>().begin(), tensor.data<T>().end()};
}

TEST_F(OnnxRuntime, says_its_name_and_version) {
  EXPECT_EQ(engine_->name(), "onnxruntime");
  EXPECT_EQ(engine_->version(), "1.32.0");
}

TEST_F(OnnxRuntime, runs_a_batch) {
  const auto model = must_load("affine");
  ASSERT_EQ(model->inputs().size(), 1U);
  EXPECT_EQ(model->inputs()[0].name, "x");
  EXPECT_EQ(model->inputs()[0].shape, (Shape{-1, 3}));
  EXPECT_EQ(model->outputs()[0].dtype, DType::kFloat32);
  const Tensor x = floats({2, 3}, {1, 0, 0, 1, 1, 1});
  const auto y = model->run(std::vector<TensorView>{x});
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ((*y)[0].shape(), (Shape{2, 2}));
  EXPECT_EQ(values_of<float>((*y)[0]), (std::vector<float>{11, 22, 19, 32}));
}

TEST_F(OnnxRuntime, reads_only_the_rows_of_a_view) {
  const auto model = must_load("affine");
  const Tensor x = floats({3, 3}, {9, 9, 9, 0, 1, 0, 9, 9, 9});
  const auto y = model->run(std::vector<TensorView>{TensorView(x, 1, 2)});
  ASSERT_TRUE(y) << y.error().message;
  EXPECT_EQ(values_of<float>((*y)[0]), (std::vector<float>{13, 24}));
}

TEST_F(OnnxRuntime, passes_strings_with_any_byte) {
  const auto model = must_load("strings");
  const std::vector<std::string> texts{"", std::string("a\0b", 3), "好😀", "\xff\xfe"};
  const Tensor in = Tensor::of_strings({2, 2}, texts);
  const auto out = model->run(std::vector<TensorView>{in});
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ((*out)[0].strings(), texts);
  const auto second = model->run(std::vector<TensorView>{TensorView(in, 1, 2)});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ((*second)[0].strings(), (std::vector<std::string>{texts[2], texts[3]}));
}

TEST_F(OnnxRuntime, passes_every_number_type) {
  const auto model = must_load("dtypes");
  std::vector<Tensor> tensors;
  for (const auto& spec : model->inputs()) {
    Tensor tensor(spec.dtype, {3});
    for (std::size_t i = 0; i < tensor.bytes().size(); ++i) tensor.bytes()[i] = std::byte(i % 2);
    tensors.push_back(std::move(tensor));
  }
  const auto out = model->run(std::vector<TensorView>(tensors.begin(), tensors.end()));
  ASSERT_TRUE(out) << out.error().message;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ((*out)[i].dtype(), tensors[i].dtype());
    EXPECT_TRUE(std::ranges::equal((*out)[i].bytes(), tensors[i].bytes())) << model->inputs()[i].name;
  }
}

TEST_F(OnnxRuntime, refuses_inputs_that_differ_from_the_signature_and_goes_on) {
  const auto model = must_load("affine");
  const Tensor narrow = floats({1, 2}, {1, 2});
  EXPECT_EQ(model->run(std::vector<TensorView>{narrow}).error().code, Code::kInvalidArgument);
  const Tensor whole(DType::kInt32, {1, 3});
  EXPECT_EQ(model->run(std::vector<TensorView>{whole}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(model->run({}).error().code, Code::kInvalidArgument);
  const Tensor right = floats({1, 3}, {0, 0, 0});
  EXPECT_TRUE(model->run(std::vector<TensorView>{right}));
}

TEST_F(OnnxRuntime, calls_an_index_outside_a_table_an_invalid_argument) {
  const auto model = must_load("lookup");
  const std::vector<std::int64_t> indices{3};
  const Tensor beyond = Tensor::of<std::int64_t>({1}, indices);
  EXPECT_EQ(model->run(std::vector<TensorView>{beyond}).error().code, Code::kInvalidArgument);
}

TEST_F(OnnxRuntime, gives_what_the_graph_gives_without_rows_too) {
  const auto model = must_load("total");
  const Tensor x = floats({2, 2}, {1, 2, 3, 4});
  const auto total = model->run(std::vector<TensorView>{x});
  ASSERT_TRUE(total) << total.error().message;
  EXPECT_EQ((*total)[0].size(), 1u);
}

TEST_F(OnnxRuntime, refuses_models_that_it_cannot_run) {
  EXPECT_EQ(engine_->load("", {}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(engine_->load("not a model", {}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(load("missing_input").error().code, Code::kInvalidArgument);
  EXPECT_EQ(load("unknown_operator").error().code, Code::kUnimplemented);
  EXPECT_EQ(load("zip_map").error().code, Code::kUnimplemented);
  EXPECT_EQ(load("bfloat16").error().code, Code::kUnimplemented);
  EXPECT_EQ(engine_->load("", {.threads = 0}).error().code, Code::kInvalidArgument);
}

TEST_F(OnnxRuntime, refuses_a_library_that_is_not_there_or_another) {
  EXPECT_EQ(open_onnxruntime("/nowhere/libonnxruntime.so").error().code, Code::kNotFound);
  EXPECT_EQ(open_onnxruntime("libm.so.6").error().code, Code::kNotFound);
}

TEST_F(OnnxRuntime, lets_a_model_outlive_its_engine) {
  const auto model = must_load("affine");
  engine_.reset();
  const Tensor x = floats({1, 3}, {0, 0, 1});
  EXPECT_EQ(values_of<float>((*model->run(std::vector<TensorView>{x}))[0]), (std::vector<float>{15, 26}));
}

TEST_F(OnnxRuntime, runs_from_several_threads_at_once) {
  const auto model = must_load("affine");
  std::array<int, 4> right{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) {
          const auto value = static_cast<float>(i);
          const Tensor x = floats({1, 3}, {value, 0, 0});
          const auto y = model->run(std::vector<TensorView>{x});
          right[t] += y && values_of<float>((*y)[0]) == std::vector<float>{value + 10, 2 * value + 20};
        }
      });
  }
  EXPECT_EQ(right, (std::array<int, 4>{200, 200, 200, 200}));
}

}  // namespace
}  // namespace amas::engines
