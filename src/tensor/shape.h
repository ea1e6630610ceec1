#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <utility>
#include <vector>

namespace amas {

/// Sizes of a tensor's dimensions, outermost first; a scalar has none. In a signature -1 means "any". Used as
/// a std::vector, but up to four take no memory of their own: one request has shapes in a dozen places.
class Shape {
 public:
  using value_type = std::int64_t;             ///< as of std::vector
  using iterator = std::int64_t*;              ///< the same
  using const_iterator = const std::int64_t*;  ///< the same

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes) : Shape(sizes.begin(), sizes.end()) {}
  explicit Shape(std::size_t rank, std::int64_t size = 0) { resize(rank, size); }
  template <std::forward_iterator It>
  Shape(It first, It last) {
    resize(static_cast<std::size_t>(std::distance(first, last)));
    std::copy(first, last, begin());
  }
  Shape(const Shape&) = default;
  Shape& operator=(const Shape&) = default;
  Shape(Shape&& other) noexcept { *this = std::move(other); }
  /// Leaves the other one empty.
  Shape& operator=(Shape&& other) noexcept {
    rank_ = std::exchange(other.rank_, 0);
    few_ = other.few_;
    many_ = std::move(other.many_);
    return *this;
  }
  ~Shape() = default;

  /// The rank.
  std::size_t size() const { return rank_; }
  /// Whether it is that of a scalar.
  bool empty() const { return rank_ == 0; }
  /// The sizes.
  const std::int64_t* data() const { return rank_ > kFew ? many_.data() : few_.data(); }
  /// The same, to write.
  std::int64_t* data() { return rank_ > kFew ? many_.data() : few_.data(); }
  const_iterator begin() const { return data(); }        ///< the outermost
  const_iterator end() const { return data() + rank_; }  ///< behind the innermost
  iterator begin() { return data(); }                    ///< to write
  iterator end() { return data() + rank_; }              ///< the same
  std::int64_t operator[](std::size_t i) const { return data()[i]; }
  std::int64_t& operator[](std::size_t i) { return data()[i]; }
  /// The innermost.
  std::int64_t back() const { return data()[rank_ - 1]; }
  /// Adds an innermost dimension.
  void push_back(std::int64_t size) { resize(rank_ + 1, size); }
  /// Cuts dimensions off at the inner end, or adds some of this size there.
  void resize(std::size_t rank, std::int64_t size = 0) {
    if (rank > kFew) {
      if (rank_ <= kFew) many_.assign(few_.begin(), few_.begin() + rank_);
      many_.resize(rank, size);
    } else if (rank_ > kFew) {
      std::copy_n(many_.begin(), rank, few_.begin());
    } else if (rank > rank_) {
      std::fill(few_.begin() + rank_, few_.begin() + rank, size);
    }
    rank_ = rank;
  }
  friend bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a, b); }

 private:
  static constexpr std::size_t kFew = 4;
  std::size_t rank_ = 0;
  std::array<std::int64_t, kFew> few_{};
  std::vector<std::int64_t> many_;  ///< in place of few_ where the rank is above it
};

}  // namespace amas
