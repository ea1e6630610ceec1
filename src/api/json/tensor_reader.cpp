#include "api/json/tensor_reader.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "api/json/base64.h"
#include "base/limits.h"
#include "base/text.h"

namespace amas::json {
namespace {

constexpr std::size_t kShownBytesMax = 32;

template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

bool is_digit_or_minus(char c) { return c == '-' || (c >= '0' && c <= '9'); }

template <std::floating_point T>
bool scan(Value& value, T& number) {
  const char* bytes = value.raw_json_token().data();  // readable beyond its end: simdjson's padding
  if (is_digit_or_minus(bytes[0]) && bytes[1] != 'I') [[likely]] {
    double wide = 0;
    if (value.get_double().get(wide)) return false;
    number = static_cast<T>(wide);
    return std::isfinite(number);
  }
  const std::string_view token = token_of(value);
  number = token == "NaN" ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
  if (token == "-Infinity") number = -number;
  return token == "NaN" || token == "Infinity" || token == "-Infinity";
}

template <std::integral T>
bool scan(Value& value, T& number) {
  using Wide = std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>;
  Wide wide = 0;
  if constexpr (std::is_unsigned_v<T>) {
    if (value.get_uint64().get(wide)) return false;
  } else {
    if (value.get_int64().get(wide)) return false;
  }
  number = static_cast<T>(wide);
  return std::in_range<T>(wide);
}

bool scan(Value& value, bool& truth) { return !value.get_bool().get(truth); }

template <class T>
std::string wanted_kind(DType dtype) {
  if constexpr (std::is_same_v<T, std::string>) return "a string, or bytes as {\"b64\": …}";
  else if constexpr (std::is_same_v<T, bool>) return "true or false";
  else if constexpr (std::is_floating_point_v<T>) return fmt::format("a number ({})", dtype_name(dtype));
  else
    return fmt::format("a whole number from {} to {} ({})", std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max(), dtype_name(dtype));
}

// Why a scalar could not be read. Texts are not shown: error messages may be logged, payloads may not.
template <class T>
Error refusal(Value& value, DType dtype, const Place& place) {
  const std::string_view token = token_of(value);
  std::string found(cut_utf8(token, kShownBytesMax));
  switch (first_byte(value)) {
    case '"':
      found = "a string";
      break;
    case '{':
      found = "an object";
      break;
    case '[':
      found = "a list";
      break;
    default:
      break;
  }
  return invalid_argument(fmt::format("{} must be {}, not {}", place.text(), wanted_kind<T>(dtype), found));
}

// Bytes stand as an object with the one key "b64".
Status read_base64(Value& value, const Place& place, std::string& bytes) {
  AMAS_TRY(Object object, read_object(value, place));
  KeysSeen seen;
  bool found = false;
  const auto visit = [&](std::string_view key, Value member) -> Status {
    const Place here(place, key);
    if (key != "b64")
      return invalid_argument(fmt::format("{} is not known; bytes are {{\"b64\": …}}", here.text()));
    AMAS_CHECK(seen.note(key, place));
    AMAS_TRY(const std::string encoded, read_string(member, here));
    auto decoded = from_base64(encoded);
    if (!decoded) return invalid_argument(here.text() + " is not base64");
    bytes = std::move(*decoded);
    found = true;
    return {};
  };
  AMAS_CHECK(Document::for_each_member(object, visit));
  if (!found) return invalid_argument(place.text() + " is an object without the key \"b64\"");
  return {};
}

template <class T>
Status read_scalar(Value& value, DType dtype, const Place& place, T& element) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (first_byte(value) == '{') return read_base64(value, place, element);
    if (first_byte(value) != '"') return refusal<T>(value, dtype, place);
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return Document::malformed(error, place);
    element = text;
  } else {
    if (!scan(value, element)) [[unlikely]]
      return refusal<T>(value, dtype, place);
  }
  return {};
}

// Calls use.operator()<T>() with the type of the elements.
template <class Use>
Status with_type(DType dtype, Use use) {
  switch (dtype) {
    case DType::kBool:
      return use.template operator()<bool>();
    case DType::kUint8:
      return use.template operator()<std::uint8_t>();
    case DType::kInt8:
      return use.template operator()<std::int8_t>();
    case DType::kUint16:
      return use.template operator()<std::uint16_t>();
    case DType::kInt16:
      return use.template operator()<std::int16_t>();
    case DType::kUint32:
      return use.template operator()<std::uint32_t>();
    case DType::kInt32:
      return use.template operator()<std::int32_t>();
    case DType::kUint64:
      return use.template operator()<std::uint64_t>();
    case DType::kInt64:
      return use.template operator()<std::int64_t>();
    case DType::kFloat32:
      return use.template operator()<float>();
    case DType::kFloat64:
      return use.template operator()<double>();
    case DType::kString:
      return use.template operator()<std::string>();
    case DType::kFloat16:
      break;
  }
  return unimplemented("float16 cannot be sent as JSON; send binary tensors");
}

}  // namespace

TensorReader::TensorReader(DType dtype, std::optional<std::size_t> rank)
    : dtype_(dtype),
      shape_(rank.value_or(0), -1),
      rank_is_given_(rank.has_value()),
      rank_is_known_(rank_is_given_) {
  // float16 stays at the first alternative and is refused when a value is read.
  static_cast<void>(with_type(dtype, [&]<class T>() -> Status {
    elements_.emplace<std::vector<Stored<T>>>();
    return {};
  }));
}

Status TensorReader::read_row(Value value, const Place& place) {
  ++rows_;
  return read(value, 1, place);
}

Status TensorReader::read_flat(Value value, std::size_t count_max, const Place& place) {
  flat_count_max_ = count_max;
  return read(value, 0, place);
}

Status TensorReader::read(Value value, std::size_t level, const Place& place) {
  return with_type(dtype_, [&]<class T>() { return read_as<T>(value, level, place); });
}

template <class T>
Status TensorReader::read_as(Value value, std::size_t level, const Place& place) {
  if (first_byte(value) == '[') return read_list<T>(value, level, place);
  if (!rank_is_known_) {
    rank_is_known_ = true;
    shape_.resize(level, -1);
  }
  if (!flat_count_max_ && level != shape_.size())
    return wrong_depth(place, level < shape_.size() ? "less deep" : "deeper");
  T element{};
  AMAS_CHECK(read_scalar(value, dtype_, place, element));
  std::get<std::vector<Stored<T>>>(elements_).push_back(std::move(element));
  return {};
}

template <class T>
Status TensorReader::read_list(Value value, std::size_t level, const Place& place) {
  if (level >= limits::kJsonDepthMax)
    return invalid_argument(fmt::format("request nests deeper than allowed: > {}", limits::kJsonDepthMax));
  if (!flat_count_max_ && rank_is_known_ && level >= shape_.size()) return wrong_depth(place, "deeper");
  auto& elements = std::get<std::vector<Stored<T>>>(elements_);
  AMAS_TRY(Array array, read_array(value, place));
  std::size_t count = 0;
  for (auto element : array) {
    const Place here(place, count++);
    Value item;
    if (const auto error = element.get(item)) return Document::malformed(error, here);
    const bool is_leaf = flat_count_max_ || (rank_is_known_ && shape_.size() == level + 1);
    if (is_leaf && first_byte(item) != '[') [[likely]] {
      T scalar{};
      AMAS_CHECK(read_scalar(item, dtype_, here, scalar));
      elements.push_back(std::move(scalar));
    } else {
      AMAS_CHECK(read_as<T>(item, level + 1, here));
    }
    if (flat_count_max_ && elements.size() > *flat_count_max_)
      return invalid_argument(
          fmt::format("{} has more elements than its shape: > {}", place.text(), *flat_count_max_));
    if (!flat_count_max_ && level == 0 && count > limits::kRequestRowsMax)
      return invalid_argument(
          fmt::format("request has more rows than allowed: > {}; split it", limits::kRequestRowsMax));
  }
  return flat_count_max_ ? Status() : close_list(level, count, place);
}

Status TensorReader::close_list(std::size_t level, std::size_t count, const Place& place) {
  if (!rank_is_known_) {  // all lists up to here were empty
    rank_is_known_ = true;
    shape_.resize(level + 1, -1);
  }
  if (level >= shape_.size()) return wrong_depth(place, "deeper");
  const auto size = static_cast<std::int64_t>(count);
  if (shape_[level] < 0) shape_[level] = size;
  if (shape_[level] != size)
    return invalid_argument(
        fmt::format("{} has another length than its neighbours: {}, not {}; a tensor needs lists of "
                    "equal length",
                    place.text(), size, shape_[level]));
  return {};
}

Error TensorReader::wrong_depth(const Place& place, std::string_view how) const {
  if (rank_is_given_)
    return invalid_argument(
        fmt::format("{} is nested {} than the signature says: {} dimensions with the rows", place.text(), how,
                    shape_.size()));
  return invalid_argument(fmt::format(
      "{} is nested {} than its neighbours; a tensor needs lists of equal depth", place.text(), how));
}

std::size_t TensorReader::size() const {
  return std::visit([](const auto& elements) { return elements.size(); }, elements_);
}

Tensor TensorReader::finish() && {
  if (!shape_.empty() && shape_[0] < 0) shape_[0] = static_cast<std::int64_t>(rows_);
  Shape shape = std::move(shape_);
  return std::move(*this).finish(std::move(shape));
}

Tensor TensorReader::finish(Shape shape) && {
  return std::visit(
      [&](auto& elements) {
        using T = typename std::decay_t<decltype(elements)>::value_type;
        if constexpr (std::is_same_v<T, std::string>) {
          return Tensor::of_strings(std::move(shape), std::move(elements));
        } else {
          Tensor tensor(dtype_, std::move(shape));
          if (!elements.empty()) std::memcpy(tensor.bytes().data(), elements.data(), tensor.bytes().size());
          return tensor;
        }
      },
      elements_);
}

}  // namespace amas::json
