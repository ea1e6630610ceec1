#include "api/oip/infer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/json.h"

namespace amas::oip {
namespace {

// Triton's example model `simple`: two INT32 inputs of 16, their sum and difference; and one that takes
// texts.
model::Manifest simple() {
  model::Manifest manifest;
  manifest.labels = {"ham", "spam"};
  manifest.signatures["serving_default"] = {
      {{"text", DType::kString, {-1}}},
      {{"label", DType::kString, {-1}}, {"scores", DType::kFloat32, {-1, 2}}}};
  manifest.signatures["tensors"] = {{{"INPUT0", DType::kInt32, {-1, 4}}, {"INPUT1", DType::kInt32, {-1, 4}}},
                                    {{"scores", DType::kFloat32, {-1, 2}}}};
  return manifest;
}

Result<Question> decode(std::string_view json, std::string_view binary = {}) {
  return decode_infer({json, binary}, "simple", simple());
}

std::string refusal(std::string_view json, std::string_view binary = {}) {
  const auto question = decode(json, binary);
  EXPECT_FALSE(question.has_value()) << json;
  if (question) return "";
  EXPECT_EQ(question.error().code, Code::kInvalidArgument);
  return question.error().message;
}

std::string text_request(const std::string& members) {
  return R"({"inputs":[{"name":"text","shape":[2],"datatype":"BYTES",)" + members + "}]}";
}

std::string little_endian(std::initializer_list<std::int32_t> values) {
  std::string bytes;
  for (const std::int32_t value : values) bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  return bytes;
}

TEST(OipDecode, reads_flat_and_nested_data_in_whatever_order_the_keys_stand) {
  for (const char* data : {"[1,2,3,4]", "[[1,2,3,4]]", "[[1],[2,3],4]"}) {
    const std::string body = std::string(R"({"id":"42","inputs":[{"data":)") + data +
                             R"(,"datatype":"INT32","shape":[1,4],"name":"INPUT0"},)" +
                             R"({"name":"INPUT1","shape":[1,4],"datatype":"INT32","data":[5,6,7,8]}]})";
    const auto question = decode(body).value();
    EXPECT_EQ(question.id, "42");
    EXPECT_EQ(question.signature, "tensors");
    ASSERT_EQ(question.inputs.size(), 2u);
    EXPECT_EQ(question.inputs[0].tensor.shape(), (Shape{1, 4}));
    EXPECT_EQ(question.inputs[0].tensor.data<std::int32_t>()[3], 4);
    EXPECT_EQ(question.inputs[1].tensor.data<std::int32_t>()[0], 5);
  }
}

TEST(OipDecode, chooses_the_signature_by_the_inputs_unless_a_parameter_names_one) {
  EXPECT_EQ(decode(text_request(R"("data":["a","b"])"))->signature, "serving_default");
  EXPECT_NE(refusal(R"({"parameters":{"signature":"tensors"},)"
                    R"("inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a"]}]})")
                .find("unexpected inference input 'text'"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"parameters":{"signature":"nope"},"inputs":[]})").find("nope"), std::string::npos);
}

TEST(OipDecode, takes_binary_tensors_in_the_order_of_the_inputs) {
  const std::string json =
      R"({"inputs":[{"name":"INPUT0","shape":[1,4],"datatype":"INT32","parameters":{"binary_data_size":16}},)"
      R"({"name":"INPUT1","shape":[1,4],"datatype":"INT32","parameters":{"binary_data_size":16}}],)"
      R"("parameters":{"binary_data_output":true}})";
  const std::string binary = little_endian({1, 2, 3, 4, 5, 6, 7, 8});
  const auto question = decode(json, binary).value();
  EXPECT_EQ(question.inputs[1].tensor.data<std::int32_t>()[3], 8);
  EXPECT_TRUE(question.outputs[0].binary);
  EXPECT_EQ(refusal(json, binary.substr(4)),
            "unexpected size for input 'INPUT1', expecting 4 additional bytes for model 'simple'");
  EXPECT_EQ(refusal(json, binary + "x"), "unexpected additional input data for model 'simple'");
  const std::string bytes = little_endian({1}) + "a" + little_endian({2}) + "bc";
  const auto texts = decode(text_request(R"("parameters":{"binary_data_size":11})"), bytes).value();
  EXPECT_EQ(texts.inputs[0].tensor.strings(), (std::vector<std::string>{"a", "bc"}));
}

TEST(OipDecode, refuses_binary_strings_that_do_not_fit) {
  const auto refuse = [](const std::string& bytes) {
    return refusal(text_request("\"parameters\":{\"binary_data_size\":" + std::to_string(bytes.size()) + "}"),
                   bytes);
  };
  EXPECT_EQ(refuse(little_endian({1}) + "a"),
            "expected 2 string elements for inference input 'text' for model 'simple', got 1");
  EXPECT_NE(refuse(little_endian({0, 0, 0})).find("unexpected number of string elements 3"),
            std::string::npos);
  EXPECT_EQ(refuse(little_endian({99}) + "abc"),
            "incomplete string data for inference input 'text', expecting string of length 99 but only 3 "
            "bytes available");
  EXPECT_NE(refuse("ab").find("incomplete string length"), std::string::npos);
  EXPECT_NE(refuse(little_endian({-1})).find("4294967295"), std::string::npos);
}

TEST(OipDecode, says_in_tritons_words_what_does_not_fit_the_model) {
  const std::string rest =
      R"(,"data":[1,2,3,4]},{"name":"INPUT1","shape":[1,4],"datatype":"INT32","data":[1,2,3,4]}]})";
  const std::string first = R"({"id":"7","inputs":[{"name":"INPUT0",)";
  EXPECT_EQ(
      refusal(first + R"("shape":[1,4],"datatype":"FP32")" + rest),
      "[request id: 7] inference input 'INPUT0' data-type is 'FP32', but model 'simple' expects 'INT32'");
  EXPECT_EQ(
      refusal(first + R"("shape":[1,8],"datatype":"INT32")" + rest),
      "[request id: 7] unexpected shape for input 'INPUT0' for model 'simple'. Expected [-1,4], got [1,8].");
  EXPECT_EQ(refusal(first + R"("shape":[2,4],"datatype":"INT32")" + rest),
            "[request id: 7] input 'INPUT1' batch size does not match other inputs for 'simple'");
  EXPECT_NE(refusal(first + R"("shape":[70000,4],"datatype":"INT32")" + rest).find("batch-size"),
            std::string::npos);
  EXPECT_NE(refusal(first + R"("shape":[0,4],"datatype":"INT32")" + rest).find("batch-size"),
            std::string::npos);
  EXPECT_EQ(refusal(first + R"("shape":[1,4],"datatype":"INT33")" + rest),
            "invalid datatype for input INPUT0");
  EXPECT_NE(
      refusal(R"({"inputs":[{"name":"INPUT0","shape":[1,4],"datatype":"INT32","data":[1,2,3,4]}],
                       "parameters":{"signature":"tensors"}})")
          .find("expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing "
                "required input(s) ['INPUT1']."),
      std::string::npos);
  const std::string text = R"({"name":"text","shape":[1],"datatype":"BYTES","data":["a"]})";
  EXPECT_NE(
      refusal("{\"inputs\":[" + text + "," + text + "]}").find("input 'text' already exists in request"),
      std::string::npos);
  EXPECT_EQ(refusal("{\"inputs\":[" + text + R"(],"outputs":[{"name":"OUTPUT9"}]})"),
            "unexpected inference output 'OUTPUT9' for model 'simple'");
}

TEST(OipDecode, refuses_shapes_that_the_data_do_not_have_without_reserving_memory) {
  EXPECT_NE(refusal(R"({"inputs":[{"name":"text","shape":[3],"datatype":"BYTES","data":["a","b"]}]})")
                .find("Shape does not match"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"inputs":[{"name":"text","shape":[1],"datatype":"BYTES","data":["a","b"]}]})")
                .find("more elements"),
            std::string::npos);
  model::Manifest manifest;
  manifest.signatures["serving_default"] = {{{"x", DType::kFloat32, {-1, -1, -1}}}, {}};
  for (const char* tail : {R"("data":[1]}]})", R"("parameters":{"binary_data_size":4}}]})"}) {
    const std::string body =
        std::string(R"({"inputs":[{"name":"x","shape":[2,4000000000,4000000000],"datatype":"FP32",)") + tail;
    EXPECT_EQ(decode_infer({body, "abcd"}, "m", manifest).error().code, Code::kInvalidArgument);
  }
}

TEST(OipDecode, refuses_missing_keys_wrong_kinds_and_two_sources_of_data) {
  EXPECT_NE(refusal("{}").find("inputs"), std::string::npos);
  EXPECT_NE(refusal(R"({"inputs":[{"name":"text","shape":[1],"data":["a"]}]})").find("datatype"),
            std::string::npos);
  EXPECT_NE(refusal(text_request(R"("x":1)")).find("But no field is set"), std::string::npos);
  EXPECT_NE(refusal(text_request(R"("data":["a","b"],"parameters":{"binary_data_size":4})")).find("But set"),
            std::string::npos);
  EXPECT_NE(refusal(text_request(R"("data":["a","b"],"data":["a","b"])")).find("twice"), std::string::npos);
  for (const auto& [extra, twice] : std::vector<std::pair<std::string, std::string>>{
           {R"("id":"a","id":"b")", R"(request has the key "id" twice)"},
           {R"("outputs":[],"outputs":[])", R"(request has the key "outputs" twice)"},
           {R"("outputs":[{"name":"label","name":"scores"}])", R"(outputs[0] has the key "name" twice)"},
           {R"("parameters":{"timeout":1,"timeout":2})", R"(parameters has the key "timeout" twice)"}})
    EXPECT_EQ(refusal("{" + extra + "," + text_request(R"("data":["a","b"])").substr(1)), twice);
  EXPECT_NE(refusal(text_request(R"("data":["a","b"])") + "x").find("text stands behind it"),
            std::string::npos);
  EXPECT_NE(refusal(text_request(R"("data":["a",7])")).find("inputs[0].data[1] must be a string"),
            std::string::npos);
  EXPECT_NE(refusal(text_request(R"("data":["a","b"],"parameters":{"k":{}})"))
                .find("parameter 'k' has invalid type"),
            std::string::npos);
  for (const char* body : {R"({"id":7,"inputs":[]})", R"({"inputs":{}})", R"({"inputs":[1]})",
                           R"({"inputs":[{"name":"text","shape":["1"],"datatype":"BYTES","data":["a"]}]})",
                           R"({"inputs":[{"name":"text","shape":[-1],"datatype":"BYTES","data":["a"]}]})"})
    refusal(body);
  EXPECT_EQ(decode_infer({R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP16","data":[1]}]})", {}}, "m",
                         [] {
                           model::Manifest manifest;
                           manifest.signatures["serving_default"] = {{{"x", DType::kFloat16, {-1}}}, {}};
                           return manifest;
                         }())
                .error()
                .code,
            Code::kUnimplemented);
}

TEST(OipDecode, divides_a_body_by_the_length_of_its_json) {
  EXPECT_EQ(divide_body("{}abc", "2")->binary, "abc");
  EXPECT_EQ(divide_body("{}", "")->json, "{}");
  for (const char* header : {"6", "-1", "x", "2x", "99999999999999999999"})
    EXPECT_EQ(divide_body("{}abc", header).error().code, Code::kInvalidArgument) << header;
}

TEST(OipDecode, takes_a_raw_body_as_the_one_input) {
  const auto text = decode_raw("hello", "m", simple()).value();
  EXPECT_EQ(text.inputs[0].tensor.strings(), std::vector<std::string>{"hello"});
  EXPECT_TRUE(text.outputs[1].binary);
  model::Manifest numbers;
  numbers.signatures["serving_default"] = {{{"x", DType::kInt32, {-1, 2}}}, {}};
  EXPECT_EQ(decode_raw(little_endian({1, 2, 3, 4}), "m", numbers)->inputs[0].tensor.shape(), (Shape{2, 2}));
  EXPECT_EQ(decode_raw(little_endian({1, 2, 3}), "m", numbers).error().code, Code::kInvalidArgument);
  numbers.signatures["serving_default"].inputs.push_back({"y", DType::kInt32, {-1}});
  EXPECT_EQ(decode_raw("", "m", numbers).error().code, Code::kInvalidArgument);
}

std::vector<NamedTensor> outputs() {
  const std::vector<float> scores{0.25f, 0.75f, 0.1f, 0.9f};
  return {{"label", Tensor::of_strings({2}, {"spam", "spam"})},
          {"scores", Tensor::of<float>({2, 2}, scores)}};
}

TEST(OipEncode, writes_flat_data_with_floats_through_double) {
  const Question question{
      .id = "42", .signature = {}, .timeout_us = 0, .inputs = {}, .outputs = {{"label"}, {"scores"}}};
  const auto answer = encode_infer(question, "m", 3, outputs(), {}).value();
  EXPECT_FALSE(answer.json_bytes.has_value());
  EXPECT_EQ(answer.body, R"({"id":"42","model_name":"m","model_version":"3","outputs":[)"
                         R"({"name":"label","datatype":"BYTES","shape":[2],"data":["spam","spam"]},)"
                         R"({"name":"scores","datatype":"FP32","shape":[2,2],)"
                         R"("data":[0.25,0.75,0.10000000149011612,0.8999999761581421]}]})");
}

TEST(OipEncode, puts_binary_tensors_behind_the_json) {
  const Question question{.id = {},
                          .signature = {},
                          .timeout_us = 0,
                          .inputs = {},
                          .outputs = {{"label", true}, {"scores", true}}};
  const auto answer = encode_infer(question, "m", 3, outputs(), {}).value();
  const Json json = Json::parse(answer.body.substr(0, *answer.json_bytes));
  EXPECT_FALSE(json.contains("id"));
  EXPECT_EQ(json["outputs"][0]["parameters"]["binary_data_size"], 16);
  EXPECT_EQ(json["outputs"][1]["parameters"]["binary_data_size"], 16);
  const std::string binary = answer.body.substr(*answer.json_bytes);
  EXPECT_EQ(binary.substr(0, 16), little_endian({4}) + "spam" + little_endian({4}) + "spam");
  float second = 0;
  std::memcpy(&second, binary.data() + 20, sizeof second);
  EXPECT_EQ(second, 0.75f);
}

TEST(OipEncode, gives_the_best_classes_with_score_index_and_label) {
  const Question question{
      .id = {}, .signature = {}, .timeout_us = 0, .inputs = {}, .outputs = {{"scores", false, 1}}};
  const auto answer = encode_infer(question, "m", 3, outputs(), {"ham", "spam"}).value();
  EXPECT_NE(
      answer.body.find(R"("datatype":"BYTES","shape":[2,1],"data":["0.750000:1:spam","0.900000:1:spam"])"),
      std::string::npos)
      << answer.body;
  const Question label{
      .id = {}, .signature = {}, .timeout_us = 0, .inputs = {}, .outputs = {{"label", false, 1}}};
  EXPECT_EQ(encode_infer(label, "m", 3, outputs(), {}).error().code, Code::kInvalidArgument);
}

TEST(OipEncode, fails_when_the_model_gave_less_than_its_signature_says) {
  const Question question{.id = {}, .signature = {}, .timeout_us = 0, .inputs = {}, .outputs = {{"other"}}};
  EXPECT_EQ(encode_infer(question, "m", 3, outputs(), {}).error().code, Code::kInternal);
}

}  // namespace
}  // namespace amas::oip
