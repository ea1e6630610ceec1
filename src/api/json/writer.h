#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace amas::json {

/// How a float32 is written. Both read back to the same float32.
enum class FloatForm {
  kShortest,      ///< the fewest digits that do so: 0.1 (TensorFlow Serving)
  kThroughDouble  ///< the fewest digits of the same value as a double: 0.10000000149011612 (Triton)
};

/// What stands for a string tensor's elements.
enum class BytesForm {
  kText,   ///< a JSON string; bytes that are not UTF-8 become U+FFFD
  kBase64  ///< {"b64": "…"}
};

/// Appends a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_string(std::string& out, std::string_view text);
/// Appends a number; a whole one ends in ".0", and NaN, Infinity and -Infinity stand bare.
void append_number(std::string& out, float value);
/// The same for a double.
void append_number(std::string& out, double value);
/// Appends a whole number.
void append_number(std::string& out, std::int64_t value);

/// Writes elements of one tensor. Borrows it.
class TensorWriter {
 public:
  explicit TensorWriter(const Tensor& tensor, FloatForm floats = FloatForm::kShortest,
                        BytesForm bytes = BytesForm::kText)
      : tensor_(tensor), floats_(floats), bytes_(bytes) {}

  /// Appends the whole tensor as nested lists; a scalar stands bare.
  void append_whole(std::string& out) const { append_nested(out, 0, 0); }
  /// Appends row `row` as nested lists, without the outermost dimension. The tensor is no scalar.
  void append_row(std::string& out, std::size_t row) const;
  /// Appends all elements as one flat list.
  void append_flat(std::string& out) const { append_list(out, 0, tensor_.size()); }

 private:
  void append_nested(std::string& out, std::size_t level, std::size_t begin) const;
  void append_list(std::string& out, std::size_t begin, std::size_t count) const;
  template <class T>
  void append_elements(std::string& out, std::size_t begin, std::size_t count) const;
  void append_text(std::string& out, std::size_t at) const;

  const Tensor& tensor_;
  FloatForm floats_;
  BytesForm bytes_;
};

}  // namespace amas::json
