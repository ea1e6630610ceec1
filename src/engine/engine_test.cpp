#include "engine/engine.h"

#include <gtest/gtest.h>

namespace amas::engine {
namespace {

const std::vector<TensorSpec> kSpecs{{"tokens", DType::kInt32, {-1, 4}}, {"weights", DType::kFloat32, {-1}}};

Status check(const std::vector<Tensor>& tensors) {
  const std::vector<TensorView> views(tensors.begin(), tensors.end());
  return check_inputs(kSpecs, views);
}

void expect_refused(const std::vector<Tensor>& tensors, std::string_view part) {
  const Status status = check(tensors);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kInvalidArgument);
  EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
}

TEST(CheckInputs, takes_what_fits) {
  EXPECT_TRUE(check({Tensor(DType::kInt32, {1, 4}), Tensor(DType::kFloat32, {1})}).has_value());
  EXPECT_TRUE(check({Tensor(DType::kInt32, {7, 4}), Tensor(DType::kFloat32, {7})}).has_value());
  const Tensor tokens(DType::kInt32, {7, 4}), weights(DType::kFloat32, {3});
  EXPECT_TRUE(check_inputs(kSpecs, std::vector<TensorView>{TensorView(tokens, 2, 5), weights}).has_value());
}

TEST(CheckInputs, names_the_tensor_and_what_it_must_be) {
  const Tensor tokens(DType::kInt32, {2, 4}), weights(DType::kFloat32, {2});
  expect_refused({tokens}, "wrong number of inputs: 1; the model takes 2");
  expect_refused({tokens, weights, weights}, "wrong number of inputs: 3");
  expect_refused({Tensor(DType::kInt64, {2, 4}), weights}, "tokens is int64; send int32");
  expect_refused({Tensor(DType::kInt32, {2, 5}), weights}, "tokens is [2,5]; send [-1,4]");
  expect_refused({Tensor(DType::kInt32, {8}), weights}, "tokens is [8]; send [-1,4]");
  expect_refused({tokens, Tensor(DType::kFloat32, {})}, "weights is []; send [-1]");
  expect_refused({tokens, Tensor(DType::kFloat32, {3})}, "tokens has 2, weights has 3");
  expect_refused({Tensor(DType::kInt32, {0, 4}), Tensor(DType::kFloat32, {0})}, "no rows: tokens");
}

}  // namespace
}  // namespace amas::engine
