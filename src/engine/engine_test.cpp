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

template <class T>
void expect_range_held(DType dtype) {
  const std::vector<TensorSpec> specs{{"ids", dtype, {-1, 2}, ValueRange{0, 9}}};
  const std::vector<T> good{0, 9, 5, 1};
  const Tensor inside = Tensor::of<T>({2, 2}, good);
  EXPECT_TRUE(check_inputs(specs, std::vector<TensorView>{inside}).has_value());
  const std::vector<T> bad{0, 9, 5, 10};
  const Tensor beyond = Tensor::of<T>({2, 2}, bad);
  const Status status = check_inputs(specs, std::vector<TensorView>{beyond});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, Code::kInvalidArgument);
  EXPECT_EQ(status.error().message, "input has a value out of range: ids holds 10 in row 1; send 0 to 9");
}

TEST(CheckInputs, names_row_and_value_that_are_out_of_range_whatever_the_integer) {
  expect_range_held<std::int8_t>(DType::kInt8);
  expect_range_held<std::int16_t>(DType::kInt16);
  expect_range_held<std::int32_t>(DType::kInt32);
  expect_range_held<std::int64_t>(DType::kInt64);
  expect_range_held<std::uint8_t>(DType::kUint8);
  expect_range_held<std::uint16_t>(DType::kUint16);
  expect_range_held<std::uint32_t>(DType::kUint32);
  expect_range_held<std::uint64_t>(DType::kUint64);
}

TEST(CheckInputs, takes_no_negative_id_for_one_from_the_end) {
  const std::vector<TensorSpec> specs{{"ids", DType::kInt32, {-1}, ValueRange{0, 9}}};
  const Tensor negative = Tensor::of<std::int32_t>({3}, std::vector<std::int32_t>{1, 2, -1});
  const Status status = check_inputs(specs, std::vector<TensorView>{negative});
  ASSERT_FALSE(status.has_value());
  EXPECT_NE(status.error().message.find("holds -1 in row 2"), std::string::npos) << status.error().message;
}

TEST(CheckInputs, reads_an_unsigned_id_beyond_every_signed_one_as_out_of_range) {
  const std::vector<TensorSpec> specs{{"ids", DType::kUint64, {-1}, ValueRange{0, 9}}};
  const Tensor huge = Tensor::of<std::uint64_t>({1}, std::vector<std::uint64_t>{~std::uint64_t{0}});
  EXPECT_FALSE(check_inputs(specs, std::vector<TensorView>{huge}).has_value());
}

}  // namespace
}  // namespace amas::engine
