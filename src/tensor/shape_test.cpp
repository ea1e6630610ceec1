#include "tensor/shape.h"

#include <gtest/gtest.h>

#include <utility>

namespace amas {
namespace {

TEST(Shape, holds_what_a_vector_would_at_every_rank) {
  Shape shape;
  std::vector<std::int64_t> expected;
  const auto expect_same = [&] {
    EXPECT_TRUE(std::ranges::equal(shape, expected)) << expected.size();
    EXPECT_EQ(shape, Shape(expected.begin(), expected.end()));
    EXPECT_EQ(shape.empty(), expected.empty());
  };
  for (std::int64_t size = 1; size < 9; ++size) {
    shape.push_back(size);
    expected.push_back(size);
    expect_same();
    EXPECT_EQ(shape.back(), size);
  }
  for (const std::size_t rank : {6, 5, 3, 7, 4, 2, 4, 0, 5}) {
    shape.resize(rank, -1);
    expected.resize(rank, -1);
    expect_same();
  }
  shape[0] = 12;
  EXPECT_NE(shape, Shape(5, -1));
  EXPECT_EQ(shape, (Shape{12, -1, -1, -1, -1}));
}

TEST(Shape, is_copied_and_moved_whole) {
  for (const std::size_t rank : {0, 2, 4, 5, 9}) {
    Shape shape(rank, 3);
    const Shape copied = shape;
    const Shape moved = std::move(shape);
    EXPECT_EQ(copied, Shape(rank, 3));
    EXPECT_EQ(moved, Shape(rank, 3));
    shape = copied;
    EXPECT_EQ(shape, moved);
  }
}

}  // namespace
}  // namespace amas
