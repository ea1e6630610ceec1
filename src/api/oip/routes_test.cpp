#include <gtest/gtest.h>

#include <cstring>

#include "api/http/test_router.h"
#include "api/oip/oip.h"
#include "base/json.h"
#include "serve/fake_service.h"

namespace amas::oip {
namespace {

constexpr std::string_view kQuestion =
    R"({"inputs":[{"name":"text","shape":[2],"datatype":"BYTES","data":["w1 w2","w3"]}]})";

class OipRoutes : public testing::Test {
 protected:
  OipRoutes() {
    fake_.deploy_spam();
    add_routes(test_.router, fake_.service);
  }

  http::Response call(std::string_view method, std::string_view path, std::string_view body = {},
                      std::string_view header_length = {}) {
    return test_.call(method, path, body, {{"Inference-Header-Content-Length", std::string(header_length)}});
  }
  std::string error(std::string_view path, std::string_view body, int status) {
    const http::Response response = call("POST", path, body);
    EXPECT_EQ(response.status, status) << response.body;
    return Json::parse(response.body)["error"];
  }

  serve::FakeService fake_;
  http::TestRouter test_;
};

TEST_F(OipRoutes, does_not_ask_the_model_for_a_client_that_has_gone_away) {
  test_.gone = std::make_shared<const std::atomic<bool>>(true);
  fake_.engine.counts.runs = 0;
  error("/v2/models/spam/infer", kQuestion, 499);
  EXPECT_EQ(fake_.engine.counts.runs, 0);
}

TEST_F(OipRoutes, infers_in_json_and_in_binary_alike) {
  const Json json = Json::parse(call("POST", "/v2/models/spam/infer", kQuestion).body);
  EXPECT_EQ(json["model_name"], "spam");
  EXPECT_EQ(json["model_version"], "3");
  ASSERT_EQ(json["outputs"].size(), 2u);
  const std::string head =
      R"({"inputs":[{"name":"text","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":15}}],)"
      R"("parameters":{"binary_data_output":true},"outputs":[{"name":"scores"}]})";
  const std::string body = head + std::string("\x05\0\0\0w1 w2\x02\0\0\0w3", 15);
  const auto binary = call("POST", "/v2/models/spam/versions/3/infer", body, std::to_string(head.size()));
  ASSERT_EQ(binary.status, 200) << binary.body;
  EXPECT_EQ(binary.content_type, "application/octet-stream");
  ASSERT_EQ(binary.headers.size(), 1u);
  const std::size_t json_bytes = std::stoul(binary.headers[0].second);
  ASSERT_EQ(binary.body.size(), json_bytes + 4 * sizeof(float));
  std::vector<float> scores(4);
  std::memcpy(scores.data(), binary.body.data() + json_bytes, 4 * sizeof(float));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(json["outputs"][1]["data"][i].get<float>(), scores[i]);
}

TEST_F(OipRoutes, takes_a_raw_body_and_a_large_one) {
  EXPECT_EQ(call("POST", "/v2/models/spam/infer", "w1 w2", "0").status, 200);
  std::string data = "\"w1 w2\"";
  for (int i = 1; i < 4'000; ++i) data += ",\"w1 w2 w3 w4 w5 w6\"";
  const auto large =
      call("POST", "/v2/models/spam/infer",
           R"({"inputs":[{"name":"text","shape":[4000],"datatype":"BYTES","data":[)" + data + "]}]}");
  ASSERT_EQ(large.status, 200) << large.body;
  EXPECT_EQ(Json::parse(large.body)["outputs"][0]["data"].size(), 4'000u);
}

TEST_F(OipRoutes, answers_errors_in_tritons_words) {
  EXPECT_EQ(error("/v2/models/nope/infer", kQuestion, 404), "Request for unknown model: 'nope' is not found");
  EXPECT_EQ(error("/v2/models/spam/versions/9/infer", kQuestion, 404),
            "Request for unknown model: 'spam' version 9 is not found");
  EXPECT_EQ(error("/v2/models/spma/infer", kQuestion, 404),
            "Request for unknown model: 'spma' is not found; did you mean 'spam'?");
  EXPECT_EQ(error("/v2/models/spam/nope", "", 404), "Not Found");
  error("/v2/models/spam/versions/x/infer", kQuestion, 400);
  error("/v2/models/spam/infer", "", 400);
  error("/v2/models/spam/infer", "{nope", 400);
  EXPECT_EQ(call("POST", "/v2/models/spam/infer", kQuestion, "9999").status, 400);
  EXPECT_EQ(call("GET", "/v2/models/spam/infer").status, 405);
  EXPECT_EQ(call("PATCH", "/v2/models/spam/infer").headers, (http::Headers{{"Allow", "POST"}}));
  EXPECT_EQ(call("POST", "/v2/models/spam").status, 405);
  EXPECT_EQ(call("OPTIONS", "/v2/models/spam").headers, (http::Headers{{"Allow", "GET, HEAD"}}));
  EXPECT_EQ(call("GET", "/v2/models/nope/ready").status, 400);
  EXPECT_EQ(call("GET", "/v2/models/nope").status, 404);
  fake_.service.drain();
  error("/v2/models/spam/infer", kQuestion, 503);
}

TEST_F(OipRoutes, shows_health_metadata_and_the_index) {
  EXPECT_EQ(Json::parse(call("GET", "/v2").body)["name"], "amas");
  for (const char* path :
       {"/v2/health/live", "/v2/health/ready", "/v2/models/spam/ready", "/v2/models/spam/versions/3/ready"})
    EXPECT_EQ(call("GET", path).status, 200) << path;
  const Json metadata = Json::parse(call("GET", "/v2/models/spam").body);
  EXPECT_EQ(metadata["versions"], Json({"3"}));
  EXPECT_EQ(metadata["inputs"][0]["name"], "text");
  EXPECT_EQ(Json::parse(call("GET", "/v2/models/spam/config").body)["name"], "spam");
  EXPECT_EQ(Json::parse(call("GET", "/v2/models").body)["models"], Json({"spam"}));
  EXPECT_EQ(Json::parse(call("POST", "/v2/repository/index", R"({"ready":true})").body)[0]["state"], "READY");
  EXPECT_EQ(call("POST", "/v2/repository/index", "{nope").status, 400);
}

}  // namespace
}  // namespace amas::oip
