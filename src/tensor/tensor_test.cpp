#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace amas {
namespace {

using Strings = std::vector<std::string>;

Tensor counting(Shape shape) {
  Tensor tensor(DType::kInt32, std::move(shape));
  for (std::int32_t i = 0; std::int32_t & value : tensor.data<std::int32_t>()) value = i++;
  return tensor;
}

std::vector<std::int32_t> values(const TensorView& view) {
  const auto data = view.data<std::int32_t>();
  return {data.begin(), data.end()};
}

TEST(DType, names_and_sizes_agree) {
  for (int i = 0; i <= static_cast<int>(DType::kString); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(*dtype_from_name(dtype_name(dtype)), dtype);
  }
  EXPECT_EQ(dtype_name(DType::kFloat32), "float32");
  EXPECT_EQ(dtype_bytes(DType::kFloat16), 2u);
  EXPECT_EQ(dtype_bytes(DType::kInt64), 8u);
  EXPECT_EQ(dtype_bytes(DType::kString), 0u);
  EXPECT_EQ(DTypeOf<float>::value, DType::kFloat32);
  EXPECT_EQ(dtype_bytes(DTypeOf<double>::value), sizeof(double));
}

TEST(DType, an_unknown_name_lists_the_known_ones) {
  const auto dtype = dtype_from_name("float");
  ASSERT_FALSE(dtype.has_value());
  EXPECT_EQ(dtype.error().code, Code::kInvalidArgument);
  EXPECT_NE(dtype.error().message.find("float32, float64, string"), std::string::npos);
}

TEST(Shape, is_written_in_brackets) {
  EXPECT_EQ(format_shape(Shape{}), "[]");
  EXPECT_EQ(format_shape(Shape{-1, 128}), "[-1,128]");
}

TEST(Shape, counts_elements_without_overflow) {
  constexpr auto kLargest = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(element_count(Shape{}), 1u);
  EXPECT_EQ(element_count(Shape{2, 3, 4}), 24u);
  EXPECT_EQ(element_count(Shape{0, 5}), 0u);
  EXPECT_EQ(element_count(Shape{std::int64_t{1} << 40, std::int64_t{1} << 40}), kLargest);
  EXPECT_EQ(element_count(Shape{-1, 5}), kLargest);
}

TEST(Tensor, begins_with_zeros_or_empty_strings) {
  const Tensor numbers(DType::kFloat64, {2, 3});
  EXPECT_EQ(numbers.size(), 6u);
  EXPECT_EQ(numbers.rows(), 2);
  EXPECT_EQ(numbers.bytes().size(), 48u);
  EXPECT_TRUE(std::ranges::all_of(numbers.data<double>(), [](double value) { return value == 0; }));
  EXPECT_EQ(Tensor(DType::kString, {2}).strings(), (Strings{"", ""}));
  EXPECT_EQ(Tensor().size(), 0u);
  EXPECT_EQ(Tensor(DType::kInt8, {}).rows(), 1) << "a scalar";
}

TEST(Tensor, takes_values) {
  const std::vector<float> numbers{1, 2.5F, -3, 4};
  const Tensor tensor = Tensor::of<float>({2, 2}, numbers);
  EXPECT_EQ(tensor.dtype(), DType::kFloat32);
  EXPECT_TRUE(std::ranges::equal(tensor.data<float>(), numbers));
  const Tensor strings = Tensor::of_strings({1, 2}, {"a", std::string("\0b", 2)});
  EXPECT_EQ(strings.dtype(), DType::kString);
  EXPECT_EQ(strings.size(), 2u);
  EXPECT_EQ(strings.strings()[1].size(), 2u);
}

TEST(Tensor, keeps_its_elements_when_reshaped) {
  Tensor tensor = counting({6});
  tensor.reshape({2, 3});
  EXPECT_EQ(tensor.rows(), 2);
  EXPECT_EQ(values(TensorView(tensor, 1, 2)), (std::vector<std::int32_t>{3, 4, 5}));
}

TEST(TensorView, shows_a_range_of_rows) {
  const Tensor tensor = counting({4, 3});
  const TensorView view(tensor, 1, 3);
  EXPECT_EQ(view.shape(), (Shape{2, 3}));
  EXPECT_EQ(view.rows(), 2);
  EXPECT_EQ(view.row_size(), 3u);
  EXPECT_EQ(values(view), (std::vector<std::int32_t>{3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(view.bytes().data(), tensor.bytes().data() + 12);
  EXPECT_EQ(view.bytes().size(), 24u);
  EXPECT_EQ(TensorView(tensor, 2, 2).size(), 0u);
  const Tensor strings = Tensor::of_strings({3}, {"a", "b", "c"});
  EXPECT_EQ(TensorView(strings, 1, 3).strings()[0], "b");
}

TEST(TensorView, can_be_copied_into_a_tensor) {
  const Tensor tensor = counting({4, 3});
  const Tensor taken = copy(TensorView(tensor, 2, 4));
  EXPECT_EQ(taken.shape(), (Shape{2, 3}));
  EXPECT_EQ(values(taken), (std::vector<std::int32_t>{6, 7, 8, 9, 10, 11}));
  const Tensor strings = Tensor::of_strings({3}, {"a", "b", "c"});
  EXPECT_EQ(copy(TensorView(strings, 1, 3)).strings(), (Strings{"b", "c"}));
}

TEST(ConcatRows, puts_parts_behind_each_other) {
  const Tensor tensor = counting({4, 2});
  const auto whole = concat_rows(
      std::vector<TensorView>{TensorView(tensor, 3, 4), TensorView(tensor, 1, 1), TensorView(tensor, 0, 2)});
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->shape(), (Shape{3, 2}));
  EXPECT_EQ(values(*whole), (std::vector<std::int32_t>{6, 7, 0, 1, 2, 3}));
  const Tensor a = Tensor::of_strings({1}, {"a"}), bc = Tensor::of_strings({2}, {"b", "c"});
  EXPECT_EQ(concat_rows(std::vector<TensorView>{a, bc})->strings(), (Strings{"a", "b", "c"}));
}

TEST(ConcatRows, refuses_parts_of_different_kinds) {
  const Tensor base(DType::kInt32, {1, 2}), wider(DType::kInt32, {1, 3}), deeper(DType::kInt32, {1, 2, 1}),
      other(DType::kFloat32, {1, 2}), scalar(DType::kInt32, {});
  for (const Tensor* part : {&wider, &deeper, &other, &scalar}) {
    const auto whole = concat_rows(std::vector<TensorView>{base, *part});
    ASSERT_FALSE(whole.has_value());
    EXPECT_EQ(whole.error().code, Code::kInvalidArgument);
  }
  EXPECT_EQ(concat_rows(std::vector<TensorView>{scalar}).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas
