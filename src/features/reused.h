#pragma once

#include <cstddef>

namespace amas::features {

/// A T of this thread that is used again from call to call, so that a short text allocates nothing; it holds
/// what the last call left in it. T says by bytes() what it holds: where a long text made that much, it is
/// given back.
template <class T>
class Reused {
 public:
  Reused() : value_(of_thread()) {}
  Reused(const Reused&) = delete;
  Reused& operator=(const Reused&) = delete;
  ~Reused() {
    if (value_.bytes() > kKeptBytesMax) value_ = T();
  }
  /// It.
  T& operator*() { return value_; }
  /// Its members.
  T* operator->() { return &value_; }

 private:
  static constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;
  static T& of_thread() {
    thread_local T value;
    return value;
  }
  T& value_;
};

}  // namespace amas::features
