#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "api/json/tensor_reader.h"
#include "api/json/writer.h"
#include "base/file.h"
#include "base/json.h"

namespace amas::json {
namespace {

// Made by tests/oracles/json_numbers.py with Python's json and struct and numpy.
const Json& oracle() {
  static const Json kRows = parse_json(*read_file(AMAS_TEST_DATA_DIR "/numbers.json")).value();
  return kRows;
}

// The digits of a number without sign, exponent, point, and zeros at both ends.
std::string significant_digits(std::string text) {
  std::string digits;
  for (const char c : text.substr(0, text.find('e')))
    if (c >= '0' && c <= '9') digits += c;
  const auto first = digits.find_first_not_of('0');
  if (first == digits.npos) return "";
  return digits.substr(first, digits.find_last_not_of('0') + 1 - first);
}

template <class T, class Bits>
Tensor read_texts(const Json& rows, std::vector<Bits>& bits) {
  std::string body = "{\"x\":[";
  for (const Json& row : rows) {
    body += row["text"].get<std::string>() + ",";
    bits.push_back(row["bits"].get<Bits>());
  }
  body.back() = ']';
  body += "}";
  auto document = Document::open(body);
  EXPECT_TRUE(document.has_value());
  TensorReader reader(DTypeOf<T>::value);
  const Status status = document->for_each_key(
      [&](std::string_view key, Value value) { return reader.read_whole(value, Place(key)); });
  EXPECT_TRUE(status.has_value()) << status.error().message;
  return std::move(reader).finish();
}

TEST(JsonNumbers, reads_a_float32_to_the_bits_that_python_packs) {
  std::vector<std::uint32_t> bits;
  const Tensor tensor = read_texts<float>(oracle()["float32"], bits);
  ASSERT_EQ(tensor.size(), bits.size());
  for (std::size_t i = 0; i < bits.size(); ++i)
    EXPECT_EQ(std::bit_cast<std::uint32_t>(tensor.data<float>()[i]), bits[i]);
}

TEST(JsonNumbers, reads_a_float64_to_the_bits_that_python_packs_whatever_its_notation) {
  for (const char* rows : {"float64", "texts"}) {
    std::vector<std::uint64_t> bits;
    const Tensor tensor = read_texts<double>(oracle()[rows], bits);
    ASSERT_EQ(tensor.size(), bits.size());
    for (std::size_t i = 0; i < bits.size(); ++i)
      EXPECT_EQ(std::bit_cast<std::uint64_t>(tensor.data<double>()[i]), bits[i]);
  }
}

TEST(JsonNumbers, writes_a_float32_in_as_few_digits_as_numpy) {
  for (const Json& row : oracle()["float32"]) {
    const auto value = std::bit_cast<float>(row["bits"].get<std::uint32_t>());
    std::string text;
    append_number(text, value);
    EXPECT_EQ(std::strtof(text.c_str(), nullptr), value) << text;
    EXPECT_EQ(significant_digits(text), row["digits"].get<std::string>()) << text;
    EXPECT_EQ(Json::parse(text).get<double>(), std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(JsonNumbers, writes_a_float64_in_as_few_digits_as_python) {
  for (const Json& row : oracle()["float64"]) {
    const auto value = std::bit_cast<double>(row["bits"].get<std::uint64_t>());
    std::string text;
    append_number(text, value);
    EXPECT_EQ(std::strtod(text.c_str(), nullptr), value) << text;
    EXPECT_EQ(significant_digits(text), row["digits"].get<std::string>()) << text;
  }
}

TEST(JsonNumbers, writes_a_float32_through_double_as_python_prints_it) {
  for (const Json& row : oracle()["float32"]) {
    const float value = std::bit_cast<float>(row["bits"].get<std::uint32_t>());
    std::string text;
    TensorWriter(Tensor::of<float>({1}, std::span(&value, 1)), FloatForm::kThroughDouble).append_flat(text);
    EXPECT_EQ(std::strtod(text.c_str() + 1, nullptr), double{value}) << text;
    EXPECT_EQ(significant_digits(text), significant_digits(row["text"])) << text;
  }
}

TEST(JsonNumbers, writes_whole_floats_with_a_point_and_others_as_json_has_them) {
  const std::vector<std::pair<float, std::string>> cases{
      {0.0f, "0.0"},
      {-0.0f, "-0.0"},
      {1.0f, "1.0"},
      {2.5f, "2.5"},
      {0.1f, "0.1"},
      {2.1f, "2.1"},
      {1e6f, "1000000.0"},
      {1e10f, "1e+10"},
      {1e-7f, "1e-07"},
      {std::numeric_limits<float>::infinity(), "Infinity"},
      {-std::numeric_limits<float>::infinity(), "-Infinity"},
      {std::nanf(""), "NaN"}};
  for (const auto& [value, wanted] : cases) {
    std::string text;
    append_number(text, value);
    EXPECT_EQ(text, wanted);
  }
  std::string whole;
  append_number(whole, std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(whole, "-9223372036854775808");
}

}  // namespace
}  // namespace amas::json
