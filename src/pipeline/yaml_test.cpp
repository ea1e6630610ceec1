#include "pipeline/yaml.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace amas::pipeline {
namespace {

Error error_of(std::string_view yaml, const std::vector<Key>& keys) {
  const auto document = parse_yaml(yaml);
  if (!document) return document.error();
  const auto checked = check_section(*document, document->value, "", keys);
  return checked ? Error{Code::kUnknown, "no error"} : checked.error();
}

TEST(Yaml, reads_the_core_types) {
  const auto document =
      parse_yaml("a: 1\nb: 2.5\nc: yes\nd: off\ne: text\nf: \"1\"\ng: [1, x]\nh: ~\ni: {j: 0x1}\n");
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->value,
            Json::parse(R"({"a":1,"b":2.5,"c":true,"d":false,"e":"text","f":"1","g":[1,"x"],"h":null,
                                             "i":{"j":"0x1"}})"));
}

TEST(Yaml, knows_on_which_line_each_value_stands) {
  const auto document = parse_yaml("a: 1\nb:\n  - c: 2\n    d: 3\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->place("b[0].d"), "line 4: ");
  EXPECT_EQ(document->place("b[0].not_there"), "line 3: ");
}

TEST(Yaml, refuses_what_is_not_yaml_with_its_line) {
  const auto broken = parse_yaml("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("line "), std::string::npos) << broken.error().message;
  EXPECT_EQ(broken.error().code, Code::kInvalidArgument);
}

std::string refusal(std::string_view yaml) {
  const auto document = parse_yaml(yaml);
  return document ? "accepted" : document.error().message;
}

TEST(Yaml, refuses_a_key_that_stands_twice_with_both_lines) {
  EXPECT_EQ(refusal("a: 1\na: 2\n"), "line 2: the key stands twice: a (first on line 1); keep one");
  EXPECT_EQ(refusal("a:\n  - b: 1\n    c: 2\n    b:\n"),
            "line 4: the key stands twice: a[0].b (first on line 2); keep one");
  EXPECT_EQ(refusal("a: [{b: 1}, {b: 1}]\nc: {b: 1}\n"), "accepted");
}

TEST(Yaml, refuses_numbers_that_are_not_finite) {
  for (const char* number : {".nan", ".NaN", ".inf", "-.Inf", "+.INF", "1e999", "-1e999"})
    EXPECT_EQ(
        refusal(std::string("a: 1\nb:\n  c: [1, ") + number + "]\n"),
        std::string("line 3: b.c[1] must be a finite number: ") + number + "; quote it if it is a text");
  for (const char* text : {"\".nan\"", "nan", "inf", ".info", "1e999x"})
    EXPECT_EQ(refusal(std::string("a: ") + text + "\n"), "accepted") << text;
}

TEST(Yaml, refuses_a_second_document) {
  EXPECT_TRUE(
      refusal("a: 1\n---\nb: 2\n").ends_with("a second document begins (---); a spec is one document"));
  EXPECT_EQ(refusal("---\na: 1\n"), "accepted");
  EXPECT_EQ(refusal("a: 1\n...\n"), "accepted");
}

TEST(Yaml, refuses_aliases_so_that_a_small_file_cannot_become_a_large_document) {
  EXPECT_FALSE(parse_yaml("a: &x [1, 2]\nb: [*x, *x]\n"));
  EXPECT_EQ(refusal("a: 1\nb: &x y\n"), "line 2: anchors (&name) are not allowed; write the value out");
}

TEST(Yaml, refuses_a_thousand_levels) {
  std::string deep = "a: ";
  for (int i = 0; i < 1000; ++i) deep += "[";
  EXPECT_FALSE(parse_yaml(deep));
}

TEST(Yaml, refuses_what_is_too_large_for_a_spec) {
  const auto large = parse_yaml("a: " + std::string(limits::kSpecBytesMax, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::kFailedPrecondition);
}

TEST(Yaml, refuses_an_empty_file_and_bytes_that_are_not_utf8) {
  EXPECT_FALSE(parse_yaml(""));
  EXPECT_FALSE(parse_yaml("a: \xff\xfe"));
  EXPECT_FALSE(parse_yaml("- 1\n- 2\n"));
}

TEST(Section, names_the_nearest_key_for_one_that_it_does_not_know) {
  const Error error = error_of("epoch: 3\n", {{.name = "epochs", .kind = Key::Kind::kInteger}});
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_NE(error.message.find("did you mean \"epochs\"?"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("line 1"), std::string::npos) << error.message;
}

TEST(Section, says_the_range_of_a_number) {
  const Error error =
      error_of("share: 1.5\n", {{.name = "share", .kind = Key::Kind::kNumber, .low = 0, .high = 1}});
  EXPECT_NE(error.message.find("from 0 to 1"), std::string::npos) << error.message;
}

TEST(Section, says_the_choices_of_a_text) {
  const Error error = error_of("by: chance\n", {{.name = "by", .one_of = {"hash", "random"}}});
  EXPECT_NE(error.message.find("hash, random"), std::string::npos) << error.message;
}

TEST(Section, reads_durations) {
  const auto document = parse_yaml("a: 10m\nb: 30s\nc: 5\nd: 2h\n");
  ASSERT_TRUE(document);
  std::vector<Key> keys;
  for (const char* name : {"a", "b", "c", "d"}) keys.push_back({.name = name, .kind = Key::Kind::kDuration});
  const auto checked = check_section(*document, document->value, "", keys);
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ(*checked, Json::parse(R"({"a":600.0,"b":30.0,"c":5.0,"d":7200.0})"));
}

TEST(Section, misses_a_required_key) {
  EXPECT_NE(error_of("a: 1\n", {{.name = "a", .kind = Key::Kind::kAny}, {.name = "b", .required = true}})
                .message.find("b is missing"),
            std::string::npos);
}

}  // namespace
}  // namespace amas::pipeline
