#include "api/json/tensor_reader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "api/json/writer.h"
#include "base/limits.h"

namespace amas::json {
namespace {

constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();

// Reads the key "x" of a document as a tensor; `flat`: in row-major order.
Result<Tensor> read(const std::string& value, DType dtype, bool flat = false) {
  const std::string body = R"({"before":[{"a":null}],"x":)" + value + R"(,"behind":"b"})";
  AMAS_TRY(Document document, Document::open(body));
  TensorReader reader(dtype);
  AMAS_CHECK(document.for_each_key([&](std::string_view key, Value item) -> Status {
    const Place place(key);
    if (key != "x") return skip(item, place);
    return flat ? reader.read_flat(item, kAny, place) : reader.read_whole(item, place);
  }));
  const auto count = static_cast<std::int64_t>(reader.size());
  return flat ? std::move(reader).finish({count}) : std::move(reader).finish();
}

std::string refusal(const std::string& value, DType dtype) {
  const auto tensor = read(value, dtype);
  EXPECT_FALSE(tensor.has_value()) << value;
  if (tensor) return "";
  EXPECT_EQ(tensor.error().code, Code::kInvalidArgument);
  return tensor.error().message;
}

TEST(TensorReader, takes_shape_and_elements_from_nested_lists) {
  const auto tensor = read("[[[1,2],[3,4],[5,6]],[[7,8],[9,10],[11,12]]]", DType::kInt32).value();
  EXPECT_EQ(tensor.shape(), (Shape{2, 3, 2}));
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(tensor.data<std::int32_t>()[i], static_cast<std::int32_t>(i) + 1);
}

TEST(TensorReader, takes_scalars_empty_lists_and_strings) {
  EXPECT_EQ(read("2.5", DType::kFloat32).value().shape(), Shape{});
  EXPECT_EQ(read("[]", DType::kFloat32).value().shape(), Shape{0});
  EXPECT_EQ(read("[[],[]]", DType::kInt32).value().shape(), (Shape{2, 0}));
  const auto texts =
      read(R"(["a\u00e9\n\ud83d\ude00", "", {"b64": "AP8="}, {"b64": "aGk"}])", DType::kString).value();
  EXPECT_EQ(texts.strings()[0], "a\xC3\xA9\n\xF0\x9F\x98\x80");
  EXPECT_EQ(texts.strings()[2], std::string("\x00\xFF", 2));
  EXPECT_EQ(texts.strings()[3], "hi");
  const auto truths = read("[true, false]", DType::kBool).value();
  EXPECT_TRUE(truths.data<bool>()[0]);
  EXPECT_FALSE(truths.data<bool>()[1]);
}

TEST(TensorReader, takes_bare_nan_and_infinity_among_floats_and_nowhere_else) {
  const auto tensor = read("[NaN, Infinity , -Infinity,1]", DType::kFloat32).value();
  EXPECT_TRUE(std::isnan(tensor.data<float>()[0]));
  EXPECT_EQ(tensor.data<float>()[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(tensor.data<float>()[2], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(tensor.data<float>()[3], 1);
  EXPECT_TRUE(std::isnan(read("NaN", DType::kFloat64).value().data<double>()[0]));
  for (const char* value : {"[nan]", "[inf]", "[Inf]", "[-infinity]", "[NaNs]"})
    refusal(value, DType::kFloat32);
  refusal("[NaN]", DType::kInt32);
}

TEST(TensorReader, takes_the_whole_range_of_whole_numbers_and_nothing_beyond) {
  EXPECT_EQ(read("[-128,127]", DType::kInt8).value().data<std::int8_t>()[0], -128);
  EXPECT_EQ(read("[18446744073709551615]", DType::kUint64).value().data<std::uint64_t>()[0],
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read("[-9223372036854775808]", DType::kInt64).value().data<std::int64_t>()[0],
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(refusal("[1,300]", DType::kInt8), "x[1] must be a whole number from -128 to 127 (int8), not 300");
  refusal("[-1]", DType::kUint32);
  refusal("[256]", DType::kUint8);
  refusal("[9223372036854775808]", DType::kInt64);
  refusal("[18446744073709551616]", DType::kUint64);
  refusal("[1.5]", DType::kInt32);
  refusal("[1e2]", DType::kInt32);
  refusal("[1e39]", DType::kFloat32);
  refusal("[1e999]", DType::kFloat64);
}

TEST(TensorReader, names_the_place_of_a_value_of_the_wrong_kind) {
  EXPECT_EQ(refusal(R"([[1,2],[3,"secret"]])", DType::kFloat32),
            "x[1][1] must be a number (float32), not a string");
  EXPECT_EQ(refusal("[true]", DType::kInt32),
            "x[0] must be a whole number from -2147483648 to 2147483647 (int32), not true");
  EXPECT_EQ(refusal("[null]", DType::kBool), "x[0] must be true or false, not null");
  EXPECT_NE(refusal("[1]", DType::kString).find("x[0] must be a string"), std::string::npos);
  EXPECT_EQ(refusal(R"([{"b64":"?"}])", DType::kString), "x[0].b64 is not base64");
  EXPECT_EQ(refusal(R"([{"b64":"aGk=","x":1}])", DType::kString),
            "x[0].x is not known; bytes are {\"b64\": …}");
  EXPECT_EQ(refusal(R"([{"b64":"aGk=","b64":"aGk="}])", DType::kString), "x[0] has the key \"b64\" twice");
  EXPECT_NE(refusal("[{}]", DType::kString).find("without the key \"b64\""), std::string::npos);
  for (const char* text : {R"(["a","\ud800"])", R"(["a","\udc00x"])", R"(["a","\q"])"})
    EXPECT_NE(refusal(text, DType::kString).find("x[1]: a string has an escape that is wrong"),
              std::string::npos);
}

TEST(TensorReader, refuses_lists_of_unequal_length_or_depth) {
  EXPECT_NE(refusal("[[1,2],[3]]", DType::kFloat32).find("x[1] has another length"), std::string::npos);
  for (const char* value : {"[1,[2]]", "[[1],2]", "[[[1]],[2]]", "[[],[[1]]]", "[[1],[]]", "[[[]],[]]"})
    refusal(value, DType::kFloat32);
}

TEST(TensorReader, refuses_another_depth_than_the_one_that_is_given) {
  const auto read_as = [](const std::string& value, std::size_t rank) {
    const std::string body = "{\"x\":" + value + "}";
    auto document = Document::open(body).value();
    TensorReader reader(DType::kString, rank);
    const Status status = document.for_each_key(
        [&](std::string_view key, Value item) { return reader.read_whole(item, Place(key)); });
    return std::pair(status ? std::string("good") : status.error().message, reader.size());
  };
  EXPECT_EQ(read_as(R"(["a","b"])", 1).first, "good");
  EXPECT_EQ(read_as(R"("a")", 0).first, "good");
  // Nothing of the inner list is kept, however long it is.
  const auto [message, size] = read_as(R"([["a","b"]])", 1);
  EXPECT_EQ(message, "x[0] is nested deeper than the signature says: 1 dimensions with the rows");
  EXPECT_EQ(size, 0u);
  EXPECT_NE(read_as(R"("a")", 1).first.find("less deep"), std::string::npos);
  EXPECT_NE(read_as(R"([])", 0).first.find("deeper"), std::string::npos);
  EXPECT_NE(read_as(R"(["a"])", 2).first.find("less deep"), std::string::npos);
}

TEST(TensorReader, reads_any_nesting_flat) {
  const auto tensor = read("[[1],[2,3],4]", DType::kFloat32, true).value();
  ASSERT_EQ(tensor.size(), 4u);
  EXPECT_EQ(tensor.data<float>()[3], 4);
}

TEST(TensorReader, refuses_deep_nesting_too_many_rows_and_malformed_text) {
  for (const std::size_t depth : {limits::kJsonDepthMax + 1, std::size_t{1'000}, std::size_t{100'000}}) {
    const std::string deep = std::string(depth, '[') + "1" + std::string(depth, ']');
    EXPECT_NE(refusal(deep, DType::kFloat32).find("deeper"), std::string::npos);
    EXPECT_FALSE(read(deep, DType::kFloat32, true).has_value());
    EXPECT_FALSE(read("1,\"y\":" + deep, DType::kFloat32).has_value());
  }
  std::string rows = "[0";
  for (std::size_t i = 0; i < limits::kRequestRowsMax; ++i) rows += ",0";
  EXPECT_NE(refusal(rows + "]", DType::kFloat32).find("more rows"), std::string::npos);
  for (const char* value : {"[1 2]", "[1,]", "[,1]", "[1", "1]", "[01]", "[1.]", "[.5]", "[+1]", "[1}",
                            "nope", "", "[1]]", "[\"a]", "\"\xFF\""})
    refusal(value, DType::kFloat32);
}

TEST(TensorReader, cannot_read_float16) {
  EXPECT_EQ(read("[1]", DType::kFloat16).error().code, Code::kUnimplemented);
}

TEST(Document, must_be_one_object_with_nothing_behind_it) {
  for (const char* body :
       {"", " ", "[]", "1", "nope", "{", "{} {}", "{}x", "{\"a\"}", "{\"a\":1,}", "{\"a\":1]", "{\"a\":nul}",
        "{\"a\":nulll}", "{\"a\":tru}", "{\"a\":NaNa}", "{\"a\":\"\\x\"}"}) {
    auto document = Document::open(body);
    const Status status = document ? document->for_each_key([](std::string_view key, Value value) {
      return skip(value, Place(key));
    })
                                   : Status(Error(document.error()));
    EXPECT_FALSE(status.has_value()) << body;
  }
  EXPECT_TRUE(Document::open("\xEF\xBB\xBF{}").has_value());
}

TEST(Document, can_be_read_twice_whatever_its_size) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{300'000}}) {
    const std::string key(size, 'k');
    auto document = Document::open("{\"" + key + "\":\"" + std::string(size, 't') + "\"}").value();
    for (int time = 0; time < 3; ++time) {
      std::string found;
      const Status status = document.for_each_key([&](std::string_view name, Value value) -> Status {
        EXPECT_EQ(name, key);
        AMAS_TRY(found, read_string(value, Place(name)));
        return {};
      });
      EXPECT_TRUE(status.has_value());
      EXPECT_EQ(found.size(), size);
    }
  }
}

TEST(TensorWriter, nests_rows_and_lists_as_the_shape_says) {
  const std::vector<std::int32_t> numbers{1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::of<std::int32_t>({3, 1, 2}, numbers);
  std::string whole, row, flat, scalar;
  TensorWriter(tensor).append_whole(whole);
  TensorWriter(tensor).append_row(row, 1);
  TensorWriter(tensor).append_flat(flat);
  TensorWriter(Tensor(DType::kFloat32, {})).append_whole(scalar);
  EXPECT_EQ(whole, "[[[1,2]],[[3,4]],[[5,6]]]");
  EXPECT_EQ(row, "[[3,4]]");
  EXPECT_EQ(flat, "[1,2,3,4,5,6]");
  EXPECT_EQ(scalar, "0.0");
}

TEST(TensorWriter, escapes_texts_and_writes_bytes_as_base64_when_asked) {
  const Tensor tensor = Tensor::of_strings({2}, {"a\"\\\n\x01\xC3\xA9", std::string("\xFF\x00z", 3)});
  std::string text, bytes;
  TensorWriter(tensor).append_flat(text);
  TensorWriter(tensor, FloatForm::kShortest, BytesForm::kBase64).append_flat(bytes);
  EXPECT_EQ(text, "[\"a\\\"\\\\\\n\\u0001\xC3\xA9\",\"\xEF\xBF\xBD\\u0000z\"]");
  EXPECT_EQ(bytes, R"([{"b64":"YSJcCgHDqQ=="},{"b64":"/wB6"}])");  // Python's base64.b64encode
}

}  // namespace
}  // namespace amas::json
