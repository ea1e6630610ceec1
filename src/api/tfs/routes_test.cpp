#include <gtest/gtest.h>

#include "api/http/test_router.h"
#include "api/tfs/tfs.h"
#include "base/json.h"
#include "serve/fake_service.h"

namespace amas::tfs {
namespace {

class TfsRoutes : public testing::Test {
 protected:
  TfsRoutes() {
    fake_.deploy_spam();
    add_routes(test_.router, fake_.service);
  }

  http::Response call(std::string_view method, std::string_view path, std::string_view body = {}) {
    return test_.call(method, path, body);
  }
  Json post(std::string_view path, std::string_view body, int status = 200) {
    const http::Response response = call("POST", path, body);
    EXPECT_EQ(response.status, status) << response.body;
    return Json::parse(response.body);
  }

  serve::FakeService fake_;
  http::TestRouter test_;
};

TEST_F(TfsRoutes, predicts_by_rows_and_by_columns) {
  const Json rows =
      post("/v1/models/spam:predict", R"({"instances":["w1 w2",{"b64":"dzM="}]})")["predictions"];
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0]["scores"].size(), 2u);
  EXPECT_NEAR(rows[0]["scores"][0].get<double>() + rows[0]["scores"][1].get<double>(), 1, 1e-6);
  const Json columns =
      post("/v1/models/spam/versions/3:predict", R"({"inputs":{"text":["w1 w2","w3"]}})")["outputs"];
  EXPECT_EQ(columns["label"][0], rows[0]["label"]);
  EXPECT_EQ(columns["scores"][1], rows[1]["scores"]);
}

TEST_F(TfsRoutes, classifies_with_a_score_for_each_label) {
  const Json rows = post("/v1/models/spam:predict", R"({"instances":["w1 w2"]})")["predictions"];
  const Json results = post("/v1/models/spam:classify", R"({"examples":[{"text":["w1 w2"]}]})")["results"];
  EXPECT_EQ(results[0][0], Json::array({"ham", rows[0]["scores"][0]}));
  EXPECT_EQ(results[0][1], Json::array({"spam", rows[0]["scores"][1]}));
  post("/v1/models/spam:regress", R"({"examples":[{"text":"a"}]})", 501);
}

TEST_F(TfsRoutes, does_not_ask_the_model_for_a_client_that_has_gone_away) {
  test_.gone = std::make_shared<const std::atomic<bool>>(true);
  fake_.engine.counts.runs = 0;
  post("/v1/models/spam:predict", R"({"instances":["w1 w2"]})", 499);
  EXPECT_EQ(fake_.engine.counts.runs, 0);
}

TEST_F(TfsRoutes, decodes_a_large_body_on_a_compute_thread) {
  std::string body = R"({"instances":["w1 w2")";
  while (body.size() <= 100'000) body += R"(,"w1 w2")";
  const Json rows = post("/v1/models/spam:predict", body + "]}")["predictions"];
  EXPECT_GT(rows.size(), 4'000u);
  EXPECT_EQ(rows.front(), rows.back());
}

TEST_F(TfsRoutes, answers_errors_with_their_status_and_says_what_is_there) {
  EXPECT_NE(
      post("/v1/models/nope:predict", R"({"instances":["a"]})", 404)["error"].get<std::string>().find("spam"),
      std::string::npos);
  post("/v1/models/spam/versions/9:predict", R"({"instances":["a"]})", 404);
  post("/v1/models/spam/labels/stable:predict", R"({"instances":["a"]})", 400);
  post("/v1/models/spam:predict", R"({"instances":[7]})", 400);
  post("/v1/models/spam:predict", "{nope", 400);
  post("/v1/models/spam:predict", R"({"instances":[["a"]]})", 400);
  EXPECT_NE(post("/v1/models/spam:predict", R"({"signature_name":"x","instances":["a"]})", 400)["error"]
                .get<std::string>()
                .find("serving_default"),
            std::string::npos);
  for (const char* method : {"DELETE", "PATCH", "OPTIONS", "NOPE"}) {
    const http::Response refused = call(method, "/v1/models/spam");
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.headers, (http::Headers{{"Allow", "GET, HEAD"}}));
    EXPECT_EQ(call(method, "/v1/models/spam:predict").headers, (http::Headers{{"Allow", "POST"}}));
  }
  for (const char* version : {"0", "-1", "99999999999999999999"})
    EXPECT_NE(post(fmt::format("/v1/models/spam/versions/{}:predict", version), "{}", 400)["error"]
                  .get<std::string>()
                  .find(fmt::format("whole number from 1 up, not '{}'", version)),
              std::string::npos);
  EXPECT_NE(post("/v1/models/spma:predict", "{}", 404)["error"].get<std::string>().find("did you mean spam"),
            std::string::npos);
  EXPECT_EQ(call("GET", "/v1/models/spam:predict").status, 400);
  EXPECT_EQ(call("GET", "/v1/other").status, 404);
  fake_.service.drain();
  post("/v1/models/spam:predict", R"({"instances":["a"]})", 503);
}

TEST_F(TfsRoutes, shows_status_metadata_and_the_list_of_models) {
  const Json status = Json::parse(call("GET", "/v1/models/spam").body);
  EXPECT_EQ(status["model_version_status"][0]["version"], "3");
  EXPECT_EQ(status["ready"], true);
  const Json metadata = Json::parse(call("GET", "/V1/models/spam/metadata").body);
  EXPECT_EQ(metadata["model_spec"]["version"], "3");
  EXPECT_TRUE(metadata["metadata"]["signature_def"]["signature_def"].contains("serving_default"));
  EXPECT_EQ(Json::parse(call("GET", "/v1/models").body)["models"], Json({"spam"}));
  EXPECT_EQ(call("GET", "/v1/models/nope").status, 404);
  EXPECT_EQ(call("GET", "/v1/models/nope/metadata").status, 404);
  EXPECT_EQ(call("GET", "/v1/models/spam/versions/4").status, 404);
}

}  // namespace
}  // namespace amas::tfs
