#include "base/json.h"

#include <gtest/gtest.h>

#include <limits>

namespace amas {
namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, parses_and_dumps_with_sorted_keys) {
  const auto document = parse_json(R"({"b":1,"a":[true,null,"é"]})");
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(dump_json(*document), R"({"a":[true,null,"é"],"b":1})");
}

TEST(Json, says_at_which_byte_it_is_malformed) {
  const auto document = parse_json(R"({"a":1,})");
  ASSERT_FALSE(document.has_value());
  EXPECT_EQ(document.error().code, Code::kInvalidArgument);
  EXPECT_EQ(document.error().message, "not valid JSON at byte 8");
  for (const std::string text : {"", "{", "[1 2]", "nul", "\"\xFF\"", "1 2", "{\"a\"}"})
    EXPECT_EQ(parse_json(text).error().code, Code::kInvalidArgument) << text;
}

TEST(Json, refuses_documents_that_nest_deeper_than_allowed) {
  EXPECT_TRUE(parse_json(nested(limits::kJsonDepthMax)).has_value());
  EXPECT_EQ(parse_json(nested(limits::kJsonDepthMax + 1)).error().code, Code::kInvalidArgument);
  EXPECT_EQ(parse_json(nested(1000)).error().message, "JSON nests deeper than allowed: 1000 > 64");
  EXPECT_EQ(parse_json(std::string(10'000'000, '[')).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(parse_json(nested(1000), {.depth_max = 1000}).has_value());
}

TEST(Json, does_not_count_brackets_inside_strings) {
  EXPECT_EQ(json_depth(R"(["[[[[", "\"[[", "\\"])"), 1u);
  EXPECT_EQ(json_depth(R"([{"a":[]},[]])"), 3u);
  EXPECT_EQ(json_depth("]]]]["), 1u);
  EXPECT_EQ(json_depth("\"\\"), 0u);
}

TEST(Json, refuses_documents_that_are_too_large) {
  EXPECT_TRUE(parse_json("[1,2]", {.bytes_max = 5}).has_value());
  EXPECT_EQ(parse_json("[1,2] ", {.bytes_max = 5}).error().code, Code::kResourceExhausted);
}

TEST(Json, dumps_bytes_that_are_not_utf8) { EXPECT_EQ(dump_json(Json("a\xFF")), "\"a\uFFFD\""); }

template <class T>
void expect_field(const Json& value, bool fits) {
  const Json object{{"key", value}};
  const auto field = json_field<T>(object, "key");
  EXPECT_EQ(field.has_value(), fits) << value;
  if (fits) return;
  EXPECT_NE(field.error().message.find("\"key\""), std::string::npos) << field.error().message;
}

TEST(Json, fields_are_of_their_type_and_in_its_range) {
  expect_field<bool>(true, true);
  expect_field<bool>(1, false);
  expect_field<std::string>("x", true);
  expect_field<std::string>(1, false);
  expect_field<double>(1, true);
  expect_field<double>(1.5, true);
  expect_field<double>("1.5", false);
  expect_field<std::int32_t>(std::numeric_limits<std::int32_t>::max(), true);
  expect_field<std::int32_t>(std::numeric_limits<std::int32_t>::min(), true);
  expect_field<std::int32_t>(std::int64_t{1} << 31, false);
  expect_field<std::int32_t>(-(std::int64_t{1} << 31) - 1, false);
  expect_field<std::int32_t>(1.0, false);
  expect_field<std::uint32_t>(-1, false);
  expect_field<std::uint32_t>(std::int64_t{1} << 32, false);
  expect_field<std::int64_t>(std::numeric_limits<std::uint64_t>::max(), false);
  expect_field<std::uint64_t>(std::numeric_limits<std::uint64_t>::max(), true);
  expect_field<Json>(nullptr, true);
}

TEST(Json, fields_that_are_missing_are_named) {
  EXPECT_EQ(json_field<bool>(Json::object(), "on").error().message, "JSON key is missing: \"on\"");
  EXPECT_EQ(json_field<bool>(Json::array(), "on").error().code, Code::kInvalidArgument);
}

TEST(Json, fields_have_a_fallback_when_missing_or_null) {
  const Json object{{"null", nullptr}, {"text", "x"}};
  EXPECT_EQ(*json_field_or<int>(object, "none", 7), 7);
  EXPECT_EQ(*json_field_or<int>(object, "null", 7), 7);
  EXPECT_EQ(json_field_or<int>(object, "text", 7).error().code, Code::kInvalidArgument);
  EXPECT_EQ(json_field_or<int>(Json(1), "text", 7).error().code, Code::kInvalidArgument);
}

TEST(Json, arrays_hold_one_type) {
  const Json object{{"good", {1, 2}}, {"bad", {1, "2"}}, {"none", 1}};
  EXPECT_EQ(*json_array<int>(object, "good"), (std::vector<int>{1, 2}));
  EXPECT_EQ(json_array<int>(object, "bad").error().code, Code::kInvalidArgument);
  EXPECT_EQ(json_array<int>(object, "none").error().code, Code::kInvalidArgument);
  EXPECT_EQ(json_array<int>(object, "missing").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace amas
