#include "api/tfs/predict.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/limits.h"

namespace amas::tfs {
namespace {

using engine::TensorSpec;

const model::Signature kText{{{"text", DType::kString, {-1}}}, {}};
const model::Signature kNumbers{{{"x", DType::kFloat32, {-1}}}, {}};
const model::Signature kTwo{{{"ids", DType::kInt8, {-1, -1}}, {"text", DType::kString, {-1}}}, {}};

const model::Signature kScalar{{{"text", DType::kString, {}}}, {}};

FindSignature always(const model::Signature& signature) {
  return [&](std::string_view) { return Result<const model::Signature*>(&signature); };
}

Result<Question> decode(std::string_view body, const model::Signature& signature) {
  return decode_predict(body, always(signature));
}

std::string refusal(std::string_view body, const model::Signature& signature) {
  const auto question = decode(body, signature);
  EXPECT_FALSE(question.has_value()) << body;
  return question ? "" : question.error().message;
}

const Tensor& input(const Question& question, std::string_view name) {
  for (const NamedTensor& tensor : question.inputs)
    if (tensor.name == name) return tensor.tensor;
  throw std::runtime_error("no such input");
}

TEST(TfsDecode, reads_rows_as_plain_values_and_as_objects) {
  const auto plain = decode(R"({"instances":["a","b"]})", kText).value();
  EXPECT_TRUE(plain.rows);
  EXPECT_EQ(plain.signature, "serving_default");
  EXPECT_EQ(input(plain, "text").strings(), (std::vector<std::string>{"a", "b"}));
  const auto named = decode(R"({"instances":[{"text":"a"},{"text":{"b64":"Yg=="}}]})", kText).value();
  EXPECT_EQ(input(named, "text").strings(), (std::vector<std::string>{"a", "b"}));
  const auto bytes = decode(R"({"instances":[ { "b64" : "YQ=="},"b"]})", kText).value();
  EXPECT_EQ(input(bytes, "text").strings(), (std::vector<std::string>{"a", "b"}));
  const auto two =
      decode(R"({"instances":[{"text":"a","ids":[1,2]},{"ids":[3,4],"text":"b"}]})", kTwo).value();
  EXPECT_EQ(input(two, "ids").shape(), (Shape{2, 2}));
  EXPECT_EQ(input(two, "ids").data<std::int8_t>()[3], 4);
  EXPECT_EQ(input(two, "text").strings()[1], "b");
}

TEST(TfsDecode, reads_columns_as_a_plain_value_and_as_an_object) {
  const auto plain = decode(R"({"inputs":[1,2.5,NaN]})", kNumbers).value();
  EXPECT_FALSE(plain.rows);
  EXPECT_EQ(input(plain, "x").shape(), Shape{3});
  EXPECT_TRUE(std::isnan(input(plain, "x").data<float>()[2]));
  const auto named = decode(R"({"inputs":{"ids":[[1],[2]],"text":["a","b"]}})", kTwo).value();
  EXPECT_EQ(input(named, "ids").shape(), (Shape{2, 1}));
  EXPECT_EQ(input(decode(R"({"inputs":{"b64":"YQ=="}})", kScalar).value(), "text").strings()[0], "a");
}

TEST(TfsDecode, finds_the_signature_name_in_front_of_the_inputs_and_behind) {
  for (const char* body : {R"({"signature_name":"tensors","instances":[1]})",
                           R"({"instances":[1],"signature_name":"tensors"})"}) {
    std::string asked;
    const auto question = decode_predict(body, [&](std::string_view name) {
      asked = name;
      return Result<const model::Signature*>(&kNumbers);
    });
    EXPECT_EQ(asked, "tensors");
    EXPECT_EQ(question->signature, "tensors");
  }
  const auto unknown =
      decode_predict(R"({"instances":[1]})", [](std::string_view) -> Result<const model::Signature*> {
        return invalid_argument("no such signature");
      });
  EXPECT_EQ(unknown.error().message, "no such signature");
}

TEST(TfsDecode, passes_over_unknown_keys) {
  EXPECT_TRUE(decode(R"({"x":{"y":[null,1e3]},"instances":["a"],"z":true})", kText).has_value());
}

TEST(TfsDecode, names_the_place_of_what_does_not_fit) {
  EXPECT_NE(
      refusal(R"({"instances":[{"text":"a"},{"text":7}]})", kText).find("instances[1].text must be a string"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"instances":[{"ids":[1,300],"text":"a"}]})", kTwo)
                .find("instances[0].ids[1] must be a whole"),
            std::string::npos);
  EXPECT_EQ(refusal(R"({"instances":[{"ids":[1]}]})", kTwo), "instances[0] lacks an input: text");
  EXPECT_EQ(refusal(R"({"instances":[{"text":"a","txt":"a"}]})", kText),
            "instances[0].txt is no input of the signature; its inputs: text");
  EXPECT_EQ(refusal(R"({"instances":[{"text":"a","text":"a"}]})", kText), "instances[0].text stands twice");
  EXPECT_EQ(refusal(R"({"inputs":{"text":["a"]}})", kTwo), "inputs lacks an input: ids");
  EXPECT_EQ(refusal(R"({"inputs":{"text":["a"],"text":["a"]}})", kText), "inputs.text stands twice");
  EXPECT_NE(refusal(R"({"instances":[{"text":"a"},"b"]})", kText).find("instances[1] must be an object"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"instances":[1]})", kTwo).find("list of objects"), std::string::npos);
  EXPECT_NE(refusal(R"({"inputs":[1]})", kTwo).find("must be an object"), std::string::npos);
}

TEST(TfsDecode, wants_exactly_one_of_both_forms_with_at_least_one_row) {
  EXPECT_NE(refusal(R"({})", kText).find("neither"), std::string::npos);
  EXPECT_NE(refusal(R"({"instances":["a"],"inputs":["a"]})", kText).find("not both"), std::string::npos);
  EXPECT_EQ(refusal(R"({"instances":["a"],"instances":["a"]})", kText),
            "request has the key \"instances\" twice");
  EXPECT_EQ(refusal(R"({"signature_name":"","signature_name":"","instances":["a"]})", kText),
            "request has the key \"signature_name\" twice");
  for (const char* behind : {"x", "{}", "}", "]", ","})
    EXPECT_NE(refusal(std::string(R"({"instances":["a"]})") + behind, kText).find("not valid JSON"),
              std::string::npos)
        << behind;
  for (const char* body :
       {R"({"instances":[]})", R"({"instances": [ ] })", R"({"instances":"a"})", R"({"instances":{}})"})
    refusal(body, kText);
}

TEST(TfsDecode, bounds_rows_and_depth) {
  std::string rows = R"({"instances":[{"text":""})";
  for (std::size_t i = 0; i < limits::kRequestRowsMax; ++i) rows += R"(,{"text":""})";
  EXPECT_NE(refusal(rows + "]}", kText).find("more rows"), std::string::npos);
  const std::string deep = std::string(1'000, '[') + std::string(1'000, ']');
  EXPECT_NE(refusal("{\"instances\":" + deep + "}", kText).find("deeper"), std::string::npos);
  EXPECT_NE(refusal("{\"x\":" + deep + ",\"instances\":[\"a\"]}", kText).find("deeper"), std::string::npos);
  EXPECT_NE(refusal("{\"instances\":[{\"text\":" + deep + "}]}", kText).find("deeper"), std::string::npos);
}

TEST(TfsClassify, reads_features_as_values_and_as_lists_of_one) {
  const auto question =
      decode_examples(R"({"examples":[{"text":"a"},{"text":["b"]}],"signature_name":""})", always(kText))
          .value();
  EXPECT_EQ(input(question, "text").strings(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(question.signature, "serving_default");
  for (const char* body :
       {R"({"examples":[{"text":["a","b"]}]})", R"({"examples":[{"text":[]}]})", R"({"examples":[]})",
        R"({"instances":["a"]})", R"({"examples":[{"text":"a"}],"examples":[{"text":"a"}]})"})
    EXPECT_EQ(decode_examples(body, always(kText)).error().code, Code::kInvalidArgument) << body;
  EXPECT_EQ(decode_examples(R"({"context":{"a":1},"examples":[{"text":"a"}]})", always(kText)).error().code,
            Code::kUnimplemented);
}

// The replies of TensorFlow Serving's example model half_plus_two, in compact form.
TEST(TfsEncode, drops_the_name_of_a_lone_output) {
  const std::vector<float> numbers{2.5f, 3.0f, 4.5f, 2.1f};
  const std::vector<NamedTensor> outputs{{"y", Tensor::of<float>({4}, numbers)}};
  EXPECT_EQ(encode_predict(outputs, true).value(), R"({"predictions":[2.5,3.0,4.5,2.1]})");
  EXPECT_EQ(encode_predict(outputs, false).value(), R"({"outputs":[2.5,3.0,4.5,2.1]})");
}

TEST(TfsEncode, names_several_outputs_in_each_row_or_as_columns) {
  const std::vector<float> numbers{0.25f, 0.75f, 1, 0};
  const std::vector<NamedTensor> outputs{{"label", Tensor::of_strings({2}, {"ham", "spam"})},
                                         {"scores", Tensor::of<float>({2, 2}, numbers)}};
  EXPECT_EQ(encode_predict(outputs, true).value(),
            R"({"predictions":[{"label":"ham","scores":[0.25,0.75]},{"label":"spam","scores":[1.0,0.0]}]})");
  EXPECT_EQ(encode_predict(outputs, false).value(),
            R"({"outputs":{"label":["ham","spam"],"scores":[[0.25,0.75],[1.0,0.0]]}})");
}

TEST(TfsEncode, writes_bytes_outputs_as_base64_and_whole_numbers_without_a_point) {
  const std::vector<std::int64_t> numbers{std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(encode_predict({{"image_bytes", Tensor::of_strings({1}, {"hi"})}}, true).value(),
            R"({"predictions":[{"b64":"aGk="}]})");
  EXPECT_EQ(encode_predict({{"n", Tensor::of<std::int64_t>({1}, numbers)}}, false).value(),
            R"({"outputs":[9223372036854775807]})");
}

TEST(TfsEncode, refuses_rows_of_outputs_that_differ_in_rows) {
  const std::vector<NamedTensor> outputs{{"a", Tensor(DType::kFloat32, {2})},
                                         {"b", Tensor(DType::kFloat32, {3})}};
  EXPECT_EQ(encode_predict(outputs, true).error().code, Code::kInternal);
  EXPECT_TRUE(encode_predict(outputs, false).has_value());
  EXPECT_EQ(encode_predict({}, true).error().code, Code::kInternal);
}

TEST(TfsEncode, gives_a_label_and_a_score_for_each_class) {
  const std::vector<float> numbers{0.25f, 0.75f, 1, 0};
  EXPECT_EQ(encode_classify(Tensor::of<float>({2, 2}, numbers), {"ham", "\"spam\""}),
            R"({"results":[[["ham",0.25],["\"spam\"",0.75]],[["ham",1.0],["\"spam\"",0.0]]]})");
  EXPECT_EQ(encode_regress({2.5f, 3, 0.1f}), R"({"results":[2.5,3.0,0.1]})");
}

}  // namespace
}  // namespace amas::tfs
